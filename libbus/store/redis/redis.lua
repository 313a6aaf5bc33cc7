-- What the redis engine does inside Redis: each function is one atomic step over the keys of one
-- service, all of which begin with the prefix of KEYS[1] ("umbra:SERVICE:meta"). The library and its
-- functions carry the hash of this text in their names (@), so programs of two versions never run
-- each other's.
--
-- Keys behind the prefix: meta (hash), streams (set of names), s:STREAM (hash: how it stands),
-- f:STREAM (list of forks), j:STREAM (the journal, a Redis Stream), c:STREAM (hash of claims),
-- x:STREAM (their ends, a sorted set), k (state), o (its keys in order), u (cursors), replicas (hash:
-- who has a shared store open, until when), former (ids this store had before it was put back).
--
-- A position is the id of a journal's entry, "INCARNATION-PLACE"; "0-0" is before the first. Numbers
-- beyond 2^53 stay texts. Refusals are errors whose first word reply.c knows.

local ZERO = '0-0'
local FORKS_MAX = 16

local function prefix_of(keys)
    return string.sub(keys[1], 1, -5) -- without "meta"
end

local function refuse(word, text)
    return redis.error_reply(word .. ' ' .. (text or ''))
end

local function now_ms()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function whole(number)
    return string.format('%.0f', number)
end

local function split(id)
    local incarnation, place = string.match(id, '^(%d+)-(%d+)$')
    return incarnation, place
end

-- Of two decimal texts without leading zeros.
local function digits_less(a, b)
    if #a ~= #b then
        return #a < #b
    end
    return a < b
end

local function id_less(a, b)
    local ai, ap = split(a)
    local bi, bp = split(b)
    if ai ~= bi then
        return digits_less(ai, bi)
    end
    return digits_less(ap, bp)
end

-- Nil, or why TOKEN may do nothing any more; and the number of the last commit. "": a shared store,
-- that has no lease.
local function fenced(prefix, token)
    local meta = redis.call('HMGET', prefix .. 'meta', 'token', 'loading', 'id', 'n')
    if not meta[3] then
        return refuse('UMBRAGONE', 'the store is not there any more')
    end
    if meta[2] then
        return refuse('UMBRALOADING', 'a restore was cut short')
    end
    if token ~= '' and token ~= meta[1] then
        return refuse('UMBRAFENCED', 'another process has the lease')
    end
    return nil, tonumber(meta[4])
end

-- ---- opening ----

local function mark_lost(prefix, reason, kind)
    for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'streams')) do
        local key = prefix .. 's:' .. name
        local stream = redis.call('HMGET', key, 'kind', 'lost')
        if stream[1] ~= '2' and (not kind or stream[1] == kind) and not stream[2] then
            redis.call('HSET', key, 'lost', reason)
        end
    end
end

local function drop_dead_replicas(prefix, now)
    local owners = redis.call('HGETALL', prefix .. 'replicas')
    local alive
    for i = 1, #owners, 2 do
        if tonumber(owners[i + 1]) <= now then
            redis.call('HDEL', prefix .. 'replicas', owners[i])
        else
            alive = alive or owners[i]
        end
    end
    return alive
end

-- Who holds it, other than OWNER: its name, and for how long still.
local function holder(prefix, owner, now)
    local meta = redis.call('HMGET', prefix .. 'meta', 'owner', 'till')
    if meta[1] and meta[1] ~= '' and meta[1] ~= owner and tonumber(meta[2]) > now then
        return meta[1], tonumber(meta[2]) - now
    end
    return nil, 0
end

-- A number by the clock, as an incarnation is, so that a Redis that was lost gives out no token again.
local function next_token(meta, now)
    return whole(math.max(tonumber(meta.token or '0') + 1, math.floor(now / 1000)))
end

-- How a store stands to what its process remembers of it: nil, or why it is not as it was.
local function compare_memory(prefix, meta, mark_id, mark_n, server)
    if mark_id ~= '' and mark_id ~= meta.id then
        if redis.call('SISMEMBER', prefix .. 'former', mark_id) == 0 then
            return 'regressed'
        end -- else it was put in the place of what is remembered
    elseif mark_id ~= '' and mark_n > tonumber(meta.n) then
        return 'regressed'
    end
    if server ~= '' and server ~= meta.server then
        return 'power_loss' -- it came back, or is another one: what it has not told anybody
    end
    return nil
end

local function create(prefix, fresh_id, had_mark)
    redis.call('HSET', prefix .. 'meta', 'format', '1', 'id', fresh_id, 'n', '0', 'token', '0',
        'clean', '1', 'boot', '', 'restored', had_mark and '1' or '0', 'regressed',
        had_mark and '1' or '0', 'floor', '0', 'server', '')
end

local function meta_of(prefix)
    local flat = redis.call('HGETALL', prefix .. 'meta')
    local meta = {}
    for i = 1, #flat, 2 do
        meta[flat[i]] = flat[i + 1]
    end
    return meta
end

-- ARGV: owner, lease in ms, shared (1/0), boot, server, fresh id, remembered id, remembered n, create (1/0)
local function open(keys, argv)
    local prefix = prefix_of(keys)
    local owner, ttl, shared, boot, server = argv[1], tonumber(argv[2]), argv[3] == '1', argv[4], argv[5]
    local mark_id, mark_n = argv[7], tonumber(argv[8])
    local now = now_ms()
    local meta = meta_of(prefix)

    if not meta.id then
        if argv[9] ~= '1' then
            return refuse('UMBRAGONE', 'there is no store')
        end
        create(prefix, argv[6], mark_id ~= '') -- remembered: there was one
        meta = meta_of(prefix)
        mark_id = ''
        redis.call('HSET', prefix .. 'meta', 'server', server)
        meta.server = server
    end
    if tonumber(meta.format) > 1 then
        return refuse('UMBRAFORMAT', meta.format)
    end
    if meta.loading then
        return refuse('UMBRALOADING', 'a restore was cut short: run it again')
    end
    local other, left = holder(prefix, owner, now)
    if other then
        return refuse('UMBRABUSY', other .. ' ' .. whole(left))
    end
    if not shared then
        local alive = drop_dead_replicas(prefix, now)
        if alive then
            return refuse('UMBRABUSY', alive .. ' 0')
        end
    end

    local lost = compare_memory(prefix, meta, mark_id, mark_n, server)
    if lost == 'regressed' then
        redis.call('HSET', prefix .. 'meta', 'restored', '1', 'regressed', '1')
    end
    if lost then
        mark_lost(prefix, lost, nil)
        redis.call('HSET', prefix .. 'meta', 'server', server)
    end
    local token = ''
    if shared then
        redis.call('HSET', prefix .. 'replicas', owner, whole(now + ttl))
    else
        if meta.clean ~= '1' and (boot == '' or meta.boot ~= boot) then
            mark_lost(prefix, 'power_loss', '1')
        end
        token = next_token(meta, now)
        redis.call('HSET', prefix .. 'meta', 'token', token, 'owner', owner, 'till', whole(now + ttl), 'clean', '0',
            'boot', boot)
    end
    meta = meta_of(prefix)
    return { token, meta.id, meta.n, meta.restored, meta.regressed }
end

-- ARGV: token, owner, clean (1/0)
local function close(keys, argv)
    local prefix = prefix_of(keys)
    if argv[1] == '' then
        redis.call('HDEL', prefix .. 'replicas', argv[2])
        return 'OK'
    end
    if fenced(prefix, argv[1]) then
        return 'OK'
    end
    redis.call('HSET', prefix .. 'meta', 'owner', '')
    if argv[3] == '1' then
        redis.call('HSET', prefix .. 'meta', 'clean', '1')
    end
    return 'OK'
end

-- ARGV: token, owner, lease in ms
local function renew(keys, argv)
    local prefix = prefix_of(keys)
    local refused = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    local till = whole(now_ms() + tonumber(argv[3]))
    if argv[1] == '' then
        redis.call('HSET', prefix .. 'replicas', argv[2], till)
    else
        redis.call('HSET', prefix .. 'meta', 'till', till)
    end
    return redis.call('HMGET', prefix .. 'meta', 'id', 'n')
end

-- ---- streams ----

local function describe(prefix, name)
    local key = prefix .. 's:' .. name
    local stream = redis.call('HMGET', key, 'kind', 'inc', 'first', 'last', 'before', 'top')
    if not stream[1] then
        return nil
    end
    stream[7] = redis.call('LRANGE', prefix .. 'f:' .. name, -FORKS_MAX, -1)
    return stream
end

local function begin_incarnation(prefix, name, above, clock_ms)
    local key = prefix .. 's:' .. name
    local stream = redis.call('HMGET', key, 'inc', 'last')
    local before = math.max(tonumber(stream[1]), tonumber(above),
        tonumber(redis.call('HGET', prefix .. 'meta', 'floor')))
    local incarnation = clock_ms > before and clock_ms or before + 1
    redis.call('HSET', key, 'inc', whole(incarnation))
    redis.call('RPUSH', prefix .. 'f:' .. name, whole(incarnation) .. ' ' .. stream[2])
    redis.call('LTRIM', prefix .. 'f:' .. name, -FORKS_MAX, -1)
end

-- ARGV: token, name, kind, clock in ms
local function stream_open(keys, argv)
    local prefix, name, kind = prefix_of(keys), argv[2], argv[3]
    local refused = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    local key = prefix .. 's:' .. name
    local stream = redis.call('HMGET', key, 'kind', 'lost')
    if stream[1] and stream[1] ~= kind then
        return refuse('UMBRAINVALID', 'it is of another kind')
    end
    local reason = ''
    if not stream[1] then
        redis.call('SADD', prefix .. 'streams', name)
        redis.call('HSET', key, 'kind', kind, 'inc', '0', 'first', ZERO, 'last', ZERO, 'before',
            ZERO, 'top', '0')
        reason = kind == '2' and '' or 'created'
    elseif stream[2] then
        reason = stream[2]
        redis.call('HDEL', key, 'lost')
    end
    if reason ~= '' and kind ~= '2' then
        begin_incarnation(prefix, name, '0', tonumber(argv[4]))
    end
    local answer = describe(prefix, name)
    answer[8] = kind == '2' and '' or reason
    return answer
end

-- ARGV: token, name, above, clock in ms
local function stream_fork(keys, argv)
    local prefix, name = prefix_of(keys), argv[2]
    local refused = fenced(prefix, argv[1])
    if refused then
        return refused
    end
    begin_incarnation(prefix, name, argv[3], tonumber(argv[4]))
    return describe(prefix, name)
end

-- ARGV: name
local function stream_get(keys, argv)
    return describe(prefix_of(keys), argv[1]) or refuse('UMBRAGONE', 'there is no such stream')
end

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
