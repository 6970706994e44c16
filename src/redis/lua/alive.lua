-- Returns the remaining lease of an instance in milliseconds; 0 if it counts as dead.
--
-- KEYS: the instances. ARGV: the instance.
local time = redis.call('TIME')
local until_ = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0')
return math.max(0, until_ - time[1] * 1000 - math.floor(time[2] / 1000))
