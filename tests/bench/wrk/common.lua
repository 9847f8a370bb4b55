-- Shared by the workloads: arguments, the ids to work on, and one line of results that `cargo xtask bench` reads.
-- wrk runs `init` once for each of its threads, so each thread draws its own numbers.

local common = {}

function common.init(args)
   common.path = args[1]
   common.ids = {}
   if args[2] ~= nil then
      for id in io.lines(args[2]) do
         common.ids[#common.ids + 1] = id
      end
   end
   local address = tostring(common):match("0x(%x+)") or "1"
   math.randomseed(os.time() + tonumber(address:sub(-6), 16))
end

function common.id()
   return common.ids[math.random(#common.ids)]
end

function common.done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "RESULT %d %d %d %d\n",
      summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.timeout + errors.status,
      latency:percentile(95)
   ))
end

return common
