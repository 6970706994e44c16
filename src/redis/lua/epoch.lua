-- The start of the scripts that need the epoch of a partition. The scripts follow this text in the same chunk.
--
-- Starts a new epoch if the partition is new, or if Redis may have lost its newest offsets: the caller knows a newer one, or
-- another master wrote the last. The offsets continue above all that were assigned before, and above the time in
-- microseconds.
--
-- key: the partition. new: an epoch. known: the newest offset that the caller knows. master: the run_id of the master or
-- nothing.
-- Returns the epoch, the newest offset, and whether the epoch is new.
local function epoch_of(key, new, known, master)
  if master == '' then
    local info = redis.pcall('INFO', 'server')
    master = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
  end
  local was = redis.call('HMGET', key, 'number', 'epoch', 'master')
  local number, epoch = tonumber(was[1] or '-1'), was[2]
  if number >= known and not (was[3] and was[3] ~= master and master ~= '') then
    return epoch, number, false
  end
  local time = redis.call('TIME')
  number = math.max(time[1] * 1000000 + time[2], number + 1, known + 1)
  local base = string.format('%.0f', number)
  redis.call('HSET', key, 'number', base, 'base', base, 'epoch', new, 'master', master)
  return new, number, true
end
