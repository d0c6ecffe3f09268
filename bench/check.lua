-- For wrk: looks at every answer, and counts those between a warm-up and the end. Prints one line of JSON at the end.
--   wrk -t1 … -s check.lua URL -- STATUS LENGTH WARM_UP_SECONDS SECONDS_IN_ALL [METHOD BYTES_OF_ITS_BODY]
-- The warm-up keeps the making of the connections, which is measured by itself, out of what is counted. The time is not
-- that from the first answer to the last: many connections are answered in bursts, and who has few would gain one.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } moment; int clock_gettime(int clock, moment *at);")
local MONOTONIC = 1
local moment = ffi.new("moment")

local function now()
   ffi.C.clock_gettime(MONOTONIC, moment)
   return tonumber(moment.s) + tonumber(moment.ns) / 1e9
end

local thread -- one: wrk -t1

function setup(one)
   thread = one
end

-- What is global here can be read from `done`, which runs in another Lua state.
function init(args)
   status, length = tonumber(args[1]), tonumber(args[2])
   local began = now() -- a moment before wrk's own start: its end comes after ours
   from, till = began + tonumber(args[3]), began + tonumber(args[4])
   all, counted, wrong = 0, 0, 0
   wrong_status, wrong_length = 0, 0
   if args[5] then
      wrk.method = args[5]
      wrk.body = string.rep("x", tonumber(args[6]))
   end
end

function response(code, headers, body)
   all = all + 1
   if code ~= status or #body ~= length then
      wrong, wrong_status, wrong_length = wrong + 1, code, #body
   end
   local at = now()
   if at >= from and at < till then
      counted = counted + 1
   end
end

function done(summary, latency, requests)
   local said = {}
   for _, name in ipairs({ "all", "counted", "wrong", "wrong_status", "wrong_length" }) do
      table.insert(said, string.format('"%s": %d', name, thread:get(name)))
   end
   for _, name in ipairs({ "connect", "read", "write", "timeout" }) do
      table.insert(said, string.format('"%s": %d', name, summary.errors[name]))
   end
   table.insert(said, string.format('"seconds": %.6f', thread:get("till") - thread:get("from")))
   print("{" .. table.concat(said, ", ") .. "}")
end
