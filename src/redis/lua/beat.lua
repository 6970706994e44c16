-- Renews the lease of an instance. Returns 1 if it had not expired and 0 if it had, and the instances that are alive and
-- do not drain.
--
-- KEYS: the instances, the draining instances.
-- ARGV: the instance, its lease in milliseconds, "draining" if it drains.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0')
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if ARGV[3] == 'draining' then redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1]) end
for _, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 1)
  redis.call('PEXPIRE', key, 600000)
end
local found = {before >= now and '1' or '0'}
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, 999)) do
  if not redis.call('ZSCORE', KEYS[2], node) then found[#found + 1] = node end
end
return found
