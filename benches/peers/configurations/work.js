// The governed exchange in njs: the same as work.lua as far as njs goes. The limit is nginx's own, who has agreed is a map,
// and names are sealed through WebCrypto. Nothing outlives a request here, so the record key is imported by each.
import cryptography from 'crypto';

const SECRET = '@SECRET@';
const ISSUER = 'https://hs256.bench.invalid';
const AUDIENCE = 'bench';
const PSEUDONYM_KEY = Buffer.from('@PSEUDONYM_KEY@', 'hex');
const RECORD_KEY = Buffer.from('@RECORD_KEY@', 'hex');

function keyed(key, text, encoding) {
    return cryptography.createHmac('sha256', key).update(text).digest(encoding);
}

// The person of the token, or nothing. nginx asks once a request.
function caller(r) {
    const header = r.headersIn.authorization;
    if (!header || !header.startsWith('Bearer ')) {
        return '';
    }
    const parts = header.slice(7).split('.');
    if (parts.length !== 3) {
        return '';
    }
    try {
        const head = JSON.parse(Buffer.from(parts[0], 'base64url').toString());
        if (head.alg !== 'HS256' || keyed(SECRET, parts[0] + '.' + parts[1], 'base64url') !== parts[2]) {
            return '';
        }
        const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString());
        const now = Math.floor(Date.now() / 1000);
        if (claims.iss !== ISSUER || claims.aud !== AUDIENCE || !(claims.exp > now) || claims.scope !== 'predict') {
            return '';
        }
        return claims.sub;
    } catch (e) {
        return '';
    }
}

// A look first: a text without markup stays as it is.
function sanitize(text) {
    if (!/[<>&\x00-\x1f]/.test(text)) {
        return text;
    }
    return text.replace(/<script.*?>.*?<\/script>/g, '').replace(/<[^>]*>/g, '').replace(/[\x00-\x1f]/g, '');
}

function short(value) {
    return typeof value === 'string' && value.length >= 1 && value.length <= 100;
}

function same(value) {
    return value;
}

const FIELDS = {
    first_name: { valid: short, sealed: 1 },
    last_name: { valid: short, sealed: 2 },
    email: {
        valid: (value) => typeof value === 'string' && value.length <= 320 && /^[^@\s<>]+@[^@\s<>]+\.[A-Za-z0-9]+$/.test(value),
        treat: (value) => 'p1_' + keyed(PSEUDONYM_KEY, value, 'base64url'),
    },
    age: { valid: (value) => Number.isInteger(value) && value >= 0 && value <= 130, treat: same },
    sex: { valid: (value) => value === 'Male' || value === 'Female', treat: same },
    favorite_color: { valid: (value) => ['Red', 'Green', 'Blue', 'Yellow'].indexOf(value) >= 0, treat: same },
    favorite_food: { valid: short, treat: sanitize },
};
const COUNT = 7;

function treat_record(body, names) {
    const out = {};
    const keys = Object.keys(body);
    if (keys.length !== COUNT) {
        return null;
    }
    for (let i = 0; i < keys.length; i++) {
        const field = FIELDS[keys[i]];
        const value = body[keys[i]];
        if (!field || !field.valid(value)) {
            return null;
        }
        if (field.sealed) {
            names[field.sealed - 1].push(sanitize(value));
        } else {
            out[keys[i]] = field.treat(value);
        }
    }
    return out;
}

function treat_batch(body, names) {
    const split = body.dataframe_split;
    if (Object.keys(body).length !== 1 || !split || Object.keys(split).length !== 2
        || !Array.isArray(split.columns) || !Array.isArray(split.data) || split.columns.length !== COUNT) {
        return null;
    }
    const columns = split.columns.map((name) => FIELDS[name]);
    if (columns.indexOf(undefined) >= 0 || split.columns.some((name, at) => split.columns.indexOf(name) !== at)) {
        return null;
    }
    const data = [];
    for (let i = 0; i < split.data.length; i++) {
        const row = split.data[i];
        if (!Array.isArray(row) || row.length !== COUNT) {
            return null;
        }
        const out = [];
        for (let j = 0; j < COUNT; j++) {
            if (!columns[j].valid(row[j])) {
                return null;
            }
            if (columns[j].sealed) {
                names[columns[j].sealed - 1].push(sanitize(row[j]));
            } else {
                out.push(columns[j].treat(row[j]));
            }
        }
        data.push(out);
    }
    return { dataframe_split: { columns: split.columns.filter((name) => !FIELDS[name].sealed), data: data } };
}

// Nonce, ciphertext and tag, as base64.
async function seal(key, text) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const box = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: iv }, key, Buffer.from(text));
    return Buffer.concat([Buffer.from(iv), Buffer.from(box)]).toString('base64');
}

async function govern(r, shape, treat, field) {
    const person = r.variables.caller;
    if (!person) {
        r.return(401);
        return;
    }
    if (r.variables.agreed !== '1') {
        r.return(403);
        return;
    }
    const names = [[], []];
    let treated = null;
    try {
        treated = treat(JSON.parse(r.requestText), names);
    } catch (e) {
        treated = null;
    }
    if (!treated) {
        r.return(422);
        return;
    }
    const key = await crypto.subtle.importKey('raw', RECORD_KEY, { name: 'AES-GCM' }, false, ['encrypt']);
    // All at once: njs 0.7 does not survive an `await` in a loop.
    const sealed = await Promise.all(names.map((column) => seal(key, shape === 'record' ? column[0] : JSON.stringify(column))));
    const reply = await r.subrequest('/model' + r.uri, { method: 'POST', body: JSON.stringify(treated) });
    if (reply.status !== 200) {
        r.return(502);
        return;
    }
    const out = {};
    out[field] = JSON.parse(reply.responseText)[field];
    r.variables.audit = JSON.stringify({
        at: Date.now(), who: keyed(PSEUDONYM_KEY, person, 'base64url'), activity: shape, sealed: sealed,
    });
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify(out));
}

async function record(r) {
    await govern(r, 'record', treat_record, 'prediction');
}

async function batch(r) {
    await govern(r, 'batch', treat_batch, 'predictions');
}

export default { caller, record, batch };
