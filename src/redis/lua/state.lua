-- Returns the epoch and the newest offset of a partition. With a second key, publishes both as a probe.
--
-- KEYS: the partition, and the Pub/Sub channel for a probe.
-- ARGV: an epoch for a new partition, the newest offset that the caller knows, the run_id of the master or nothing, the
--       lifetime of the partition, the body of the probe, and "write" to fail where a publication fails.
local time = redis.call('TIME')
local master = ARGV[3]
if master == '' then
  local info = redis.pcall('INFO', 'server')
  master = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end
local was = redis.call('HMGET', KEYS[1], 'number', 'master')
if tonumber(was[1] or '-1') < tonumber(ARGV[2]) or (was[2] and was[2] ~= master and master ~= '') then
  -- The partition is new, or Redis may have lost its newest offsets. It continues above all offsets assigned before.
  local above = math.max(time[1] * 1000000 + time[2], tonumber(was[1] or '0') + 1, tonumber(ARGV[2]) + 1)
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'number', string.format('%.0f', above), 'master', master)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
local epoch, number = redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'number')
if ARGV[6] == 'write' then redis.call('HSET', KEYS[1], 'number', number) end
if KEYS[2] then
  redis.call('SPUBLISH', KEYS[2], '1 p ' .. epoch .. ' ' .. number .. '\n' .. ARGV[5])
end
return {epoch, number}
