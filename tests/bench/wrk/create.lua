-- Creates records with all ten fields filled.
package.path = os.getenv("WRK_SCRIPTS") .. "/?.lua;" .. package.path
local common = require("common")
local statuses = { "new", "open", "waiting", "won", "lost" }
local body = '{"name":"Item %d","status":"%s","phone":"+86138%08d","email":"person%d@example.com",'
   .. '"company":"Example %d Ltd","amount":"%d.50","quantity":%d,"due":"2026-%02d-%02d","active":%s,'
   .. '"note":"Created while measuring"}'

init = common.init
done = common.done

function request()
   local number = math.random(100000000) - 1
   return wrk.format("POST", common.path, nil, body:format(
      number, statuses[math.random(#statuses)], number, number, number, number % 100000, number % 100,
      number % 12 + 1, number % 28 + 1, tostring(number % 5 ~= 0)
   ))
end
