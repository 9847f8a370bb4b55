-- Changes one field of one record.
package.path = os.getenv("WRK_SCRIPTS") .. "/?.lua;" .. package.path
local common = require("common")

init = common.init
done = common.done

function request()
   return wrk.format("PATCH", common.path .. "/" .. common.id(), nil, '{"quantity":' .. math.random(100000) .. "}")
end
