-- How far a lane has come. With a third key, that is said in the lane too, as a test of whether it is heard.
--
-- KEYS: the lane, and perhaps its channel.
-- ARGV: an epoch for a new lane, the highest number that who asks knows of the lane, for how long the lane is kept, and
--       what the test says.
local time = redis.call('TIME')
if tonumber(redis.call('HGET', KEYS[1], 'number') or '-1') < tonumber(ARGV[2]) then
  local above = math.max(time[1] * 1000000 + time[2], tonumber(ARGV[2]) + 1)
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'number', string.format('%.0f', above))
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
local epoch, number = redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'number')
if KEYS[2] then
  redis.call('SPUBLISH', KEYS[2], '1 p ' .. epoch .. ' ' .. number .. '\n' .. ARGV[4])
end
return {epoch, number}
