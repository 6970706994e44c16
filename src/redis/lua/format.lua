-- Notes that an instance reads the second version of frames. Returns 1 if all instances that are alive do, else 0.
--
-- KEYS: the instances, those that read the second version.
-- ARGV: the instance, the lifetime of the note in milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 1)
redis.call('PEXPIRE', KEYS[2], 600000)
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'LIMIT', 0, 1000)) do
  if not redis.call('ZSCORE', KEYS[2], node) then return 0 end
end
return 1
