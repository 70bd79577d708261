-- The governed exchange: who calls (HS256), how often, whether they have agreed; every field checked, names sealed into
-- the audit and left out, the address a pseudonym; of the answer one field passes. OpenSSL's own HMAC and AES-256-GCM by FFI.
local cjson = require "cjson.safe"
local ffi = require "ffi"
local base64 = require "ngx.base64"
local C = ffi.C

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
typedef struct evp_cipher_st EVP_CIPHER;
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct engine_st ENGINE;
const EVP_MD *EVP_sha256(void);
const EVP_CIPHER *EVP_aes_256_gcm(void);
unsigned char *HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *d, size_t n, unsigned char *out, unsigned int *len);
EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
int EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, ENGINE *impl, const unsigned char *key, const unsigned char *iv);
int EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl);
int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl);
int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr);
int RAND_bytes(unsigned char *buf, int num);
]]
local GET_TAG = 0x10

local M = {}
local config, pseudonym_key, sealer
local digest, digest_length = ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
local nonce, tag = ffi.new("unsigned char[12]"), ffi.new("unsigned char[16]")
local ROOM = 1048576
local sealed, sealed_length = ffi.new("unsigned char[?]", ROOM), ffi.new("int[1]")

local function unhex(text)
    return (text:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

function M.open(path)
    local file = assert(io.open(path))
    config = assert(cjson.decode(file:read("*a")))
    file:close()
    pseudonym_key = unhex(config.pseudonym_key)
    sealer = C.EVP_CIPHER_CTX_new()
    assert(C.EVP_EncryptInit_ex(sealer, C.EVP_aes_256_gcm(), nil, unhex(config.record_key), nil) == 1)
    for person in io.lines(config.agreed) do
        assert(ngx.shared.agreed:set(person, true))
    end
end

local function hmac(key, text)
    if C.HMAC(C.EVP_sha256(), key, #key, text, #text, digest, digest_length) == nil then
        return nil
    end
    return ffi.string(digest, 32)
end

-- Nonce, ciphertext and tag, as base64.
local function seal(text)
    if #text > ROOM or C.RAND_bytes(nonce, 12) ~= 1
        or C.EVP_EncryptInit_ex(sealer, nil, nil, nil, nonce) ~= 1
        or C.EVP_EncryptUpdate(sealer, sealed, sealed_length, text, #text) ~= 1 then
        return nil
    end
    local length = sealed_length[0]
    if C.EVP_EncryptFinal_ex(sealer, sealed + length, sealed_length) ~= 1
        or C.EVP_CIPHER_CTX_ctrl(sealer, GET_TAG, 16, tag) ~= 1 then
        return nil
    end
    return ngx.encode_base64(ffi.string(nonce, 12) .. ffi.string(sealed, length) .. ffi.string(tag, 16))
end

-- The person of the token, or nil.
local function caller()
    local header = ngx.var.http_authorization
    if not header or header:sub(1, 7) ~= "Bearer " then
        return nil
    end
    local signed, signature = header:match("^Bearer ([%w_-]+%.[%w_-]+)%.([%w_-]+)$")
    if not signed then
        return nil
    end
    local head, claims = signed:match("^([^.]+)%.(.+)$")
    head = cjson.decode(base64.decode_base64url(head) or "")
    if type(head) ~= "table" or head.alg ~= "HS256" or hmac(config.secret, signed) ~= base64.decode_base64url(signature) then
        return nil
    end
    claims = cjson.decode(base64.decode_base64url(claims) or "")
    if type(claims) ~= "table" or claims.iss ~= config.issuer or claims.aud ~= config.audience
        or type(claims.exp) ~= "number" or claims.exp <= ngx.time() or claims.scope ~= "predict" then
        return nil
    end
    return claims.sub
end

-- A look first: a text without markup stays as it is.
local function sanitize(text)
    if not text:find("[<>&%c]") then
        return text
    end
    return (text:gsub("<script.->.-</script>", ""):gsub("<[^>]*>", ""):gsub("%c", ""))
end

local function short(value)
    return type(value) == "string" and #value >= 1 and #value <= 400
end

local function one_of(...)
    local words = {}
    for _, word in ipairs({...}) do words[word] = true end
    return function(value) return words[value] end
end

local sexes, colors = one_of("Male", "Female"), one_of("Red", "Green", "Blue", "Yellow")

-- What may come of each field, and what becomes of it: the value for the model (nil for none), and its place among what is
-- sealed.
local fields = {
    first_name = { valid = short, sealed = 1 },
    last_name = { valid = short, sealed = 2 },
    email = {
        valid = function(value) return short(value) and value:find("^[^@%s<>]+@[^@%s<>]+%.[%w]+$") end,
        treat = function(value) return "p1_" .. base64.encode_base64url(hmac(pseudonym_key, value)) end,
    },
    age = { valid = function(value) return type(value) == "number" and value >= 0 and value <= 130 and value % 1 == 0 end },
    sex = { valid = sexes },
    favorite_color = { valid = colors },
    favorite_food = { valid = short, treat = sanitize },
}
local FIELDS = 7

-- Treats one value; false where it is refused.
local function treat(field, value, kept)
    if not field.valid(value) then
        return false
    end
    if field.sealed then
        local names = kept[field.sealed]
        names[#names + 1] = sanitize(value)
        return true, nil
    end
    return true, field.treat and field.treat(value) or value
end

local function record(body, kept)
    local out, found = {}, 0
    for name, value in pairs(body) do
        local field = fields[name]
        if not field then return nil end
        local valid, treated = treat(field, value, kept)
        if not valid then return nil end
        out[name] = treated
        found = found + 1
    end
    return found == FIELDS and out or nil
end

local function batch(body, kept)
    local split = body.dataframe_split
    if type(split) ~= "table" or type(split.columns) ~= "table" or type(split.data) ~= "table"
        or #split.columns ~= FIELDS then
        return nil
    end
    for key in pairs(body) do
        if key ~= "dataframe_split" then return nil end
    end
    local columns, names, seen = {}, {}, {}
    for place, name in ipairs(split.columns) do
        local field = fields[name]
        if not field or seen[name] then return nil end
        seen[name], columns[place] = true, field
        if not field.sealed then names[#names + 1] = name end
    end
    local data = {}
    for number, row in ipairs(split.data) do
        if type(row) ~= "table" or #row ~= FIELDS then return nil end
        local out = {}
        for place, value in ipairs(row) do
            local field = columns[place]
            local valid, treated = treat(field, value, kept)
            if not valid then return nil end
            if not field.sealed then out[#out + 1] = treated end
        end
        data[number] = out
    end
    return { dataframe_split = { columns = names, data = data } }
end

local shapes = { record = record, batch = batch }

-- The name of a record by itself, those of a batch as one list for each column.
local function seal_all(kept, shape)
    local boxes = {}
    for place, names in ipairs(kept) do
        local box = seal(shape == "record" and names[1] or cjson.encode(names))
        if not box then return nil end
        boxes[place] = box
    end
    return boxes
end

function M.request(shape)
    local person = caller()
    if not person then
        return ngx.exit(401)
    end
    local window = person .. ":" .. math.floor(ngx.now() / config.window)
    local count = ngx.shared.limits:incr(window, 1, 0, 2 * config.window)
    if not count or count > config.limit then
        return ngx.exit(429)
    end
    if not ngx.shared.agreed:get(person) then
        return ngx.exit(403)
    end
    ngx.req.read_body()
    local body = cjson.decode(ngx.req.get_body_data() or "")
    local kept = { {}, {} }
    local treated = type(body) == "table" and shapes[shape](body, kept)
    local boxes = treated and seal_all(kept, shape)
    if not boxes then
        return ngx.exit(422)
    end
    ngx.req.set_body_data(cjson.encode(treated))
    local who = base64.encode_base64url(hmac(pseudonym_key, person))
    ngx.var.audit = cjson.encode({ at = ngx.now(), who = who, activity = shape, sealed = boxes })
end

function M.head()
    if ngx.status == 200 then
        ngx.header.content_length = nil
    end
end

-- The answer is small and of a known form: kept until it is whole, then one field of it passes.
function M.answer(name)
    if ngx.status ~= 200 then
        return
    end
    local context = ngx.ctx
    if not ngx.arg[2] then
        context.answer = (context.answer or "") .. ngx.arg[1]
        ngx.arg[1] = nil
        return
    end
    local body = cjson.decode((context.answer or "") .. ngx.arg[1])
    ngx.arg[1] = type(body) == "table" and body[name] ~= nil and cjson.encode({ [name] = body[name] }) or ""
end

return M
