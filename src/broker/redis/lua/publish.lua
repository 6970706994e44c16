-- Appends the publications of one batch to a lane: numbers them, keeps those whose channel has a history, and tells
-- every instance that listens to the lane, all in one step. A batch that came before is not taken again.
--
-- KEYS: the lane, the newest counter of the publisher in it, the channel of the lane, the channels with a history.
-- ARGV: an epoch for a new lane, the highest number that the publisher knows of the lane, the run of the master or
--       nothing, for how long the lane is kept, "keep" if that begins anew now, the publisher, the counter of the first
--       publication, how many there are, all of them as other instances read them, the beginning of the keys of
--       histories, and then for each that is kept: its place in the batch, its channel, its object, how many of its
--       channel are kept, and for how long.
local known, master, ttl, counter, count = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[7]), tonumber(ARGV[8])
if master == '' then
  local info = redis.pcall('INFO', 'server')
  master = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end
local was = redis.call('HMGET', KEYS[1], 'number', 'epoch', 'master')
local number, epoch = tonumber(was[1] or '-1'), was[2]
local is_new = number < known or (was[3] and was[3] ~= master and master ~= '')
if is_new then
  -- The lane is new, or Redis may have lost its newest numbers. It goes on above every number that was given out before.
  local time = redis.call('TIME')
  number, epoch = math.max(time[1] * 1000000 + time[2], number + 1, known + 1), ARGV[1]
  redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number), 'epoch', epoch, 'master', master)
end
if tonumber(redis.call('GET', KEYS[2]) or '0') >= counter + count - 1 then
  return {epoch, '0'}
end
local first = number + 1
redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number + count))
redis.call('SET', KEYS[2], string.format('%.0f', counter + count - 1), 'PX', ARGV[4])
local has_history = #ARGV > 10
if has_history then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for at = 11, #ARGV, 5 do
    local place, channel, age = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 4])
    local stream = ARGV[10] .. channel
    local previous = redis.call('ZSCORE', KEYS[4], channel) or redis.call('HGET', KEYS[1], 'forgotten') or '0'
    redis.call('XADD', stream, 'MAXLEN', ARGV[at + 3], string.format('%.0f-0', first + place), 'd', ARGV[at + 2],
      'o', ARGV[6], 'c', string.format('%.0f', counter + place), 'p', previous, 't', string.format('%.0f', now))
    -- What is too old goes two at a time, which is more than come.
    for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', 2)) do
      if tonumber(entry[2][10]) < now - age then redis.call('XDEL', stream, entry[1]) end
    end
    redis.call('PEXPIRE', stream, age)
    redis.call('ZADD', KEYS[4], first + place, channel)
    ttl = math.max(ttl, age)
    for _, old in ipairs(redis.call('ZRANGE', KEYS[4], 0, 1)) do
      if redis.call('EXISTS', ARGV[10] .. old) == 0 then
        local forgotten = math.max(tonumber(redis.call('HGET', KEYS[1], 'forgotten') or '0'),
          tonumber(redis.call('ZSCORE', KEYS[4], old)))
        redis.call('HSET', KEYS[1], 'forgotten', string.format('%.0f', forgotten))
        redis.call('ZREM', KEYS[4], old)
      end
    end
  end
  if redis.call('PTTL', KEYS[4]) < ttl then redis.call('PEXPIRE', KEYS[4], ttl) end
end
if (is_new or has_history or ARGV[5] == 'keep') and redis.call('PTTL', KEYS[1]) < ttl then
  redis.call('PEXPIRE', KEYS[1], ttl)
end
number = string.format('%.0f', first)
redis.call('SPUBLISH', KEYS[3], '1 m ' .. epoch .. ' ' .. number .. '\n' .. ARGV[9])
return {epoch, number}
