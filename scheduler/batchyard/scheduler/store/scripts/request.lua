-- A user asks a job to stop or to be cancelled. A queued job ends at once; a running one is told.
-- KEYS  1 job  2 events  3 signals  4 wake  5 active  6 … all keys of the job, for the retention
-- ARGV  1 want (stop|cancel)  2 job id  3 retention in seconds
-- Returns the job's state, or nil when there is no such job.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return nil end
if state == 'queued' then
  redis.call('HSET', KEYS[1], 'state', 'cancelled', 'want', ARGV[1], 'reason', 'cancelled before it started',
    'finished_at', stamp(now()))
  redis.call('SREM', KEYS[5], ARGV[2])
  event(KEYS[2], 'ended', '{"state":"cancelled","reason":"cancelled before it started","detail":"","outcome":{}}')
  for i = 6, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[3]) end
  wake(KEYS[4], 'cancelled ' .. ARGV[2])
  return 'cancelled'
end
if state == 'running' and redis.call('HGET', KEYS[1], 'want') ~= 'cancel' then
  redis.call('HSET', KEYS[1], 'want', ARGV[1])
  event(KEYS[2], 'want', '{"want":"' .. ARGV[1] .. '"}')
  signal(KEYS[3], 'want')
  wake(KEYS[4], ARGV[1] .. ' ' .. ARGV[2])
end
return state
