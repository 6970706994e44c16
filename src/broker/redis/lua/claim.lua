-- Makes a session another instance's, unless it has changed hands since it was read. It may be said again.
--
-- KEYS: the session.
-- ARGV: its epoch when it was read, the new instance, for how long it is kept.
local owner = redis.call('HMGET', KEYS[1], 'node', 'epoch')
local mine = string.format('%.0f', tonumber(ARGV[1]) + 1)
if owner[1] == ARGV[2] and owner[2] == mine then return 1 end
if owner[2] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', mine)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
