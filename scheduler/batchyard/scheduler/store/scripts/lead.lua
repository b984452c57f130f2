-- Takes or renews the leadership of the schedulers.
-- KEYS  1 leader  2 terms
-- ARGV  1 scheduler's id  2 its token ('' when it does not lead)  3 TTL in milliseconds
-- Returns the token (a new one for each term), or nil when another one leads.
local token = redis.call('GET', KEYS[1])
if token and token ~= ARGV[2] then return nil end
if not token then
  token = redis.call('INCR', KEYS[2]) .. ':' .. ARGV[1]
end
redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
return token
