-- Reads one record by its id.
package.path = os.getenv("WRK_SCRIPTS") .. "/?.lua;" .. package.path
local common = require("common")

init = common.init
done = common.done

function request()
   return wrk.format("GET", common.path .. "/" .. common.id())
end
