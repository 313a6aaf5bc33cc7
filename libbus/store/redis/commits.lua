-- Goes on where streams.lua ends: both are one library.

-- ---- the commit ----

-- One batch being planned: nothing is written before all of it is known to be good.
local function new_plan(prefix)
    return { prefix = prefix, streams = {}, claims = {}, writes = {}, results = {} }
end

local function add_write(plan, ...)
    plan.writes[#plan.writes + 1] = { ... }
end

local function stream_of(plan, name)
    local stream = plan.streams[name]
    if stream == nil then
        local h = redis.call('HMGET', plan.prefix .. 's:' .. name, 'kind', 'inc', 'first', 'last',
            'top')
        stream = h[1] and { derived = h[1] == '2', inc = h[2], first = h[3], last = h[4],
            top = h[5] } or false
        plan.streams[name] = stream
    end
    return stream
end

-- "EXPIRES POSITION VALUE", or nil.
local function claim_of(plan, name, key)
    local mine = plan.claims[name] and plan.claims[name][key]
    return mine or redis.call('HGET', plan.prefix .. 'c:' .. name, key)
end

local function claim_parts(text)
    local expires, position, at = string.match(text, '^(%d+) (%d+-%d+) ()')
    return tonumber(expires), position, string.sub(text, at)
end

local function put_claim(plan, name, key, value, expires, at, position)
    local text = expires .. ' ' .. position .. ' ' .. value
    plan.claims[name] = plan.claims[name] or {}
    plan.claims[name][key] = text
    add_write(plan, 'HSET', plan.prefix .. 'c:' .. name, key, text)
    add_write(plan, 'ZADD', plan.prefix .. 'x:' .. name, expires ~= '0' and expires or at, key)
end

local function next_position(stream, given)
    if stream.derived then
        if given == '' or not id_less(stream.last, given) then
            return nil
        end
        return given
    end
    if given ~= '' then
        return nil
    end
    local dash = string.find(stream.last, '-', 1, true)
    return stream.inc .. '-' .. whole(tonumber(string.sub(stream.last, dash + 1)) + 1)
end

-- Nil, or what is wrong with it.
local function plan_append(plan, name, topic, body, at, given, claim, value, expires)
    local stream = stream_of(plan, name)
    if not stream then
        return 'unknown stream'
    end
    if claim ~= '' then
        local taken = claim_of(plan, name, claim)
        if taken then
            local ends, position, first = claim_parts(taken)
            if ends == 0 or ends > tonumber(at) then
                plan.results[#plan.results + 1] = { '1', position, ZERO, first }
                return nil
            end
        end
    end
    local position = next_position(stream, given)
    if not position then
        return 'a position that does not go forward'
    end
    if tonumber(at) > tonumber(stream.top) then
        stream.top = at
    end
    add_write(plan, 'XADD', plan.prefix .. 'j:' .. name, position, 't', topic, 'b', body, 'a', at,
        'u', stream.top, 'p', stream.last)
    if claim ~= '' then
        put_claim(plan, name, claim, value, expires, at, position)
    end
    plan.results[#plan.results + 1] = { '0', position, stream.last, '' }
    stream.first = stream.first == ZERO and position or stream.first
    stream.last = position
    stream.changed = true
    return nil
end

-- Nil, or what is wrong with it. The operations lie flat in ARGV from AT on.
local function plan_all(plan, argv, at)
    while at <= #argv do
        local kind = argv[at]
        if kind == 'A' then
            local wrong = plan_append(plan, argv[at + 1], argv[at + 2], argv[at + 3], argv[at + 4],
                argv[at + 5], argv[at + 6], argv[at + 7], argv[at + 8])
            if wrong then
                return wrong
            end
            at = at + 9
        elseif kind == 'P' then
            add_write(plan, 'HSET', plan.prefix .. 'k', argv[at + 1], argv[at + 2])
            at = at + 3
        elseif kind == 'D' then
            add_write(plan, 'HDEL', plan.prefix .. 'k', argv[at + 1])
            at = at + 2
        elseif kind == 'U' then
            add_write(plan, 'HSET', plan.prefix .. 'u', argv[at + 1], argv[at + 2])
            at = at + 3
        else
            return 'unknown operation'
        end
    end
    return nil
end

local function carry_out(plan)
    local state = plan.prefix .. 'k'
    for _, write in ipairs(plan.writes) do
        local changed = redis.call(unpack(write))
        if write[2] == state and changed == 1 then
            if write[1] == 'HSET' then
                redis.call('ZADD', plan.prefix .. 'o', 0, write[3])
            else
                redis.call('ZREM', plan.prefix .. 'o', write[3])
            end
        end
    end
    for name, stream in pairs(plan.streams) do
        if stream and stream.changed then
            redis.call('HSET', plan.prefix .. 's:' .. name, 'first', stream.first, 'last',
                stream.last, 'top', stream.top)
        end
    end
end

-- ARGV: token, the number of the last commit this process knows of, operations
local function commit(keys, argv)
    local prefix = prefix_of(keys)
    local refused, n = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    if n < tonumber(argv[2]) then
        return refuse('UMBRAREGRESSED', 'it has lost commits that it had acknowledged')
    end
    local plan = new_plan(prefix)
    local wrong = plan_all(plan, argv, 3)
    if wrong then
        return refuse('UMBRAINVALID', wrong)
    end
    carry_out(plan)
    redis.call('HSET', prefix .. 'meta', 'n', whole(n + 1))
    return { whole(n + 1), plan.results }
end

-- ---- pruning ----

-- How many went. One more than may go is looked at: it becomes the first.
local function prune_records(prefix, name, before_us, count)
    local key = prefix .. 's:' .. name
    local last = redis.call('HGET', key, 'last')
    local entries = redis.call('XRANGE', prefix .. 'j:' .. name, '-', '+', 'COUNT', count + 1)
    local removed = 0
    for _, entry in ipairs(entries) do
        local fields = entry[2] -- t b a u p, each behind its name
        if removed == count or tonumber(fields[6]) >= before_us or entry[1] == last then
            if removed > 0 then
                redis.call('XTRIM', prefix .. 'j:' .. name, 'MINID', '=', entry[1])
                redis.call('HSET', key, 'first', entry[1], 'before', fields[10])
            end
            return removed
        end
        removed = removed + 1
    end
    return 0
end

local function prune_claims(prefix, name, before_us, count)
    local first = redis.call('HGET', prefix .. 's:' .. name, 'first')
    local ends, claims = prefix .. 'x:' .. name, prefix .. 'c:' .. name
    local removed, kept = 0, 0
    while removed < count and kept < 4096 do
        local due = redis.call('ZRANGEBYSCORE', ends, '-inf', '(' .. whole(before_us), 'LIMIT', kept,
            math.min(count - removed, 256))
        if #due == 0 then
            break
        end
        for _, key in ipairs(due) do
            local text = redis.call('HGET', claims, key)
            local expires, position
            if text then
                expires, position = claim_parts(text)
            end
            if not text or expires > 0 or id_less(position, first) then
                redis.call('HDEL', claims, key)
                redis.call('ZREM', ends, key)
                removed = removed + 1
            else
                kept = kept + 1
            end
        end
    end
    return removed
end

-- ARGV: token, name, before, count
local function prune(keys, argv)
    local prefix, count = prefix_of(keys), tonumber(argv[4])
    local refused = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    local records = prune_records(prefix, argv[2], tonumber(argv[3]), count)
    local claims = prune_claims(prefix, argv[2], tonumber(argv[3]), count - records)
    local stream = redis.call('HMGET', prefix .. 's:' .. argv[2], 'first', 'before')
    return { whole(records + claims), stream[1], stream[2] }
end

-- ARGV: token
local function restored_done(keys, argv)
    local prefix = prefix_of(keys)
    local refused = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    redis.call('HSET', prefix .. 'meta', 'restored', '0', 'regressed', '0')
    return 'OK'
end

-- ---- putting a whole store in place ----

-- ARGV: owner, lease in ms, fresh id. Everything goes but the counters; nobody may have it open.
local function load_begin(keys, argv)
    local prefix = prefix_of(keys)
    local now = now_ms()
    local meta = meta_of(prefix)
    local other = holder(prefix, argv[1], now) or drop_dead_replicas(prefix, now)
    if other then
        return refuse('UMBRABUSY', other .. ' 0')
    end
    local floor = tonumber(meta.floor or '0')
    for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'streams')) do
        floor = math.max(floor, tonumber(redis.call('HGET', prefix .. 's:' .. name, 'inc') or '0'))
        for _, kind in ipairs({ 's:', 'f:', 'j:', 'c:', 'x:' }) do
            redis.call('UNLINK', prefix .. kind .. name)
        end
    end
    redis.call('UNLINK', prefix .. 'streams', prefix .. 'k', prefix .. 'o', prefix .. 'u')
    if meta.id then
        redis.call('SADD', prefix .. 'former', meta.id)
    else
        create(prefix, argv[3], false)
    end
    local token = next_token(meta, now)
    redis.call('HSET', prefix .. 'meta', 'token', token, 'id', argv[3], 'loading', '1', 'owner', argv[1], 'till',
        whole(now + tonumber(argv[2])), 'floor', whole(floor), 'clean', '1')
    return token
end

-- ARGV: token, lease in ms, then flat: S name kind inc lost first last before top forks |
-- R stream position topic body at top predecessor | C stream key text end | P key value | U name position
local LOAD_SIZES = { S = 10, R = 8, C = 5, P = 3, U = 3 }
local function load_put(keys, argv)
    local prefix = prefix_of(keys)
    local meta = redis.call('HMGET', prefix .. 'meta', 'token', 'loading')
    if not meta[2] or meta[1] ~= argv[1] then
        return refuse('UMBRAFENCED', 'another process has the lease')
    end
    redis.call('HSET', prefix .. 'meta', 'till', whole(now_ms() + tonumber(argv[2])))
    local at = 3
    while at <= #argv do
        local kind, a, b, c, d = argv[at], argv[at + 1], argv[at + 2], argv[at + 3], argv[at + 4]
        if not LOAD_SIZES[kind] then
            return refuse('UMBRAINVALID', 'unknown operation')
        elseif kind == 'S' then
            local key = prefix .. 's:' .. a
            redis.call('SADD', prefix .. 'streams', a)
            redis.call('HSET', key, 'kind', b, 'inc', c, 'first', argv[at + 5], 'last',
                argv[at + 6], 'before', argv[at + 7], 'top', argv[at + 8])
            if d ~= '' then
                redis.call('HSET', key, 'lost', d)
            end
            for fork in string.gmatch(argv[at + 9], '%d+ %d+%-%d+') do
                redis.call('RPUSH', prefix .. 'f:' .. a, fork)
            end
        elseif kind == 'R' then
            redis.call('XADD', prefix .. 'j:' .. a, b, 't', c, 'b', d, 'a', argv[at + 5], 'u',
                argv[at + 6], 'p', argv[at + 7])
        elseif kind == 'C' then
            redis.call('HSET', prefix .. 'c:' .. a, b, c)
            redis.call('ZADD', prefix .. 'x:' .. a, d, b)
        elseif kind == 'P' then
            redis.call('HSET', prefix .. 'k', a, b)
            redis.call('ZADD', prefix .. 'o', 0, a)
        else
            redis.call('HSET', prefix .. 'u', a, b)
        end
        at = at + LOAD_SIZES[kind]
    end
    return 'OK'
end

-- ARGV: token, restored (1/0), floor
local function load_end(keys, argv)
    local prefix = prefix_of(keys)
    local meta = meta_of(prefix)
    if not meta.loading or meta.token ~= argv[1] then
        return refuse('UMBRAFENCED', 'another process has the lease')
    end
    redis.call('HDEL', prefix .. 'meta', 'loading')
    redis.call('HSET', prefix .. 'meta', 'restored', argv[2], 'regressed', '0', 'owner', '',
        'server', '', 'floor',
        whole(math.max(tonumber(meta.floor), tonumber(argv[3]))))
    if argv[2] == '1' then
        mark_lost(prefix, 'restored', nil)
    end
    return 'OK'
end

-- While a library is loaded there is no pairs().
local function register(name, callback)
    redis.register_function('umbra_@_' .. name, callback)
end
register('open', open)
register('close', close)
register('renew', renew)
register('stream_open', stream_open)
register('stream_fork', stream_fork)
register('commit', commit)
register('prune', prune)
register('restored_done', restored_done)
register('load_begin', load_begin)
register('load_put', load_put)
register('load_end', load_end)
redis.register_function({ function_name = 'umbra_@_stream_get', callback = stream_get,
    flags = { 'no-writes' } })
