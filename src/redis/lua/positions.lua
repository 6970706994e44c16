-- Writes the positions of an instance.
--
-- KEYS: the positions. ARGV: their lifetime, and each partition with its offset.
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
