-- Makes an instance the owner of a session, if the epoch has not changed. A claim may be repeated.
--
-- KEYS: the session.
-- ARGV: the epoch, the new owner, the lifetime of the record, and the positions of the session at the new owner; without
--       them those of the record stay.
-- Returns 1 if the instance is the owner, 0 if not.
local owner = redis.call('HMGET', KEYS[1], 'node', 'epoch')
local mine = string.format('%.0f', tonumber(ARGV[1]) + 1)
if owner[1] == ARGV[2] and owner[2] == mine then return 1 end
-- Redis had lost the record, and a late write of this instance has restored an older one. No other instance has claimed it.
local is_restored = owner[1] == ARGV[2] and tonumber(owner[2]) < tonumber(ARGV[1])
if owner[2] ~= ARGV[1] and not is_restored then return 0 end
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', mine)
-- In the same step: the positions of the instance are another one's now.
if ARGV[4] then redis.call('HSET', KEYS[1], 'waiting', ARGV[4]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
