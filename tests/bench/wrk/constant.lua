-- Asks for a constant answer: what the HTTP layer alone can do on this machine.
package.path = os.getenv("WRK_SCRIPTS") .. "/?.lua;" .. package.path
local common = require("common")

init = common.init
done = common.done
