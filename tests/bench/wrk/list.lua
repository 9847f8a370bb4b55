-- Lists fifty records: two fields filtered, sorted by date, with the total.
package.path = os.getenv("WRK_SCRIPTS") .. "/?.lua;" .. package.path
local common = require("common")
local statuses = { "new", "open", "waiting", "won", "lost" }

init = common.init
done = common.done

function request()
   local status = statuses[math.random(#statuses)]
   local query = "?where.status=" .. status .. "&where.active=true&sort=-created_at&limit=50&total=true"
   return wrk.format("GET", common.path .. query)
end
