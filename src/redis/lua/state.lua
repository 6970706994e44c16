-- Returns the epoch and the newest offset of a partition. With a third key, publishes both as a probe.
--
-- KEYS: the partition, the channels with a history, and the Pub/Sub channel for a probe.
-- ARGV: an epoch for a new partition, the newest offset that the caller knows, the run_id of the master or nothing, the
--       lifetime of the partition, the body of the probe, and "write" to fail where a publication fails.
local epoch, number = epoch_of(KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), ARGV[3])
number = string.format('%.0f', number)
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
if ARGV[6] == 'write' then redis.call('HSET', KEYS[1], 'number', number) end
if KEYS[3] then
  redis.call('SPUBLISH', KEYS[3], '1 p ' .. epoch .. ' ' .. number .. '\n' .. ARGV[5])
end
return {epoch, number}
