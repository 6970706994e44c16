-- The start of the scripts that need the epoch of a partition. The scripts follow this text in the same chunk.
--
-- A new epoch forgets what was before: a position of another epoch is lost. Its offsets are an hour ahead of the clock, and far
-- above those that Redis or the caller knows, so that a replica whose clock is behind begins above offsets that it never had.
--
-- Starts a new epoch if the partition is new, or if Redis may have lost its newest offsets: the caller knows a newer one, or
-- another master wrote the last. The offsets continue above all that Redis or the caller knows, and above the time in
-- microseconds. They may be below those of an epoch that neither knows, if the clock is behind: the next caller that knows
-- them starts another epoch. The previous epochs stay known, so that what they have can be found.
--
-- key: the partition. recent: its channels with a history. new: an epoch. known: the newest offset that the caller knows.
-- master: the run_id of the master or nothing.
-- Returns the epoch, the newest offset, and whether the epoch is new.
local function epoch_of(key, recent, new, known, master)
  if master == '' then
    local info = redis.pcall('INFO', 'server')
    master = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
  end
  local was = redis.call('HMGET', key, 'number', 'epoch', 'master', 'base', 'past')
  local number, epoch = tonumber(was[1] or '-1'), was[2]
  if number >= known and not (was[3] and was[3] ~= master and master ~= '') then
    return epoch, number, false
  end
  local past = ''
  if epoch and was[4] then
    -- A line for each: epoch, base, newest offset; the newest epoch first.
    past = epoch .. ' ' .. was[4] .. ' ' .. was[1] .. '\n'
    local count = 1
    for line in string.gmatch(was[5] or '', '[^\n]+\n') do
      count = count + 1
      if count <= 8 then past = past .. line end
    end
  end
  local time = redis.call('TIME')
  local kept = redis.call('ZRANGE', recent, -1, -1, 'WITHSCORES')[2]
  number = math.max((time[1] + 3600) * 1000000 + time[2], math.max(number, known, tonumber(kept or '-1')) + 10000000)
  local base = string.format('%.0f', number)
  redis.call('HSET', key, 'number', base, 'base', base, 'epoch', new, 'master', master, 'past', past,
    'forgotten', base)
  return new, number, true
end
