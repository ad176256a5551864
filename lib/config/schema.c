/* schema.c - every setting there is, in one table: the reader, `--help=config`
 * and the check of engram-config(5) take it from here. */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/types.h"

#define SECOND UINT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static const char *const whens[] = {"auto", "always", "never", NULL};
static const char *const discoveries[] = {"static", "dns", "consul", NULL};
static const char *const placements[] = {"random", "rackaware", "zoneaware", NULL};
static const char *const compressions[] = {"none", "lz4", "zstd", NULL};

#define TEXT .kind = ENG_SETTING_TEXT
#define LIST .kind = ENG_SETTING_LIST
#define WORD(w) .kind = ENG_SETTING_WORD, .words = w
#define BOOL .kind = ENG_SETTING_BOOL
#define COUNT(lo, hi) .kind = ENG_SETTING_COUNT, .min = lo, .max = hi
#define UNIT .kind = ENG_SETTING_UNIT
#define DURATION(lo, hi) .kind = ENG_SETTING_DURATION, .min = lo, .max = hi
#define LATER .later = true

const struct eng_schema eng_schema[] = {
	{"space", TEXT, .fallback = "default", .variable = "ENGRAM_SPACE", .project = true,
	 .help = "the space"},
	{"actor", TEXT, .variable = "ENGRAM_ACTOR", .project = true, .help = "who stores"},
	{"wait", DURATION(0, DAY), .fallback = "5", .variable = "ENGRAM_WAIT",
	 .help = "how long to wait for another program that holds the space"},
	{"color", WORD(whens), .fallback = "auto", .help = "colours"},
	{"progress", WORD(whens), .fallback = "auto", .help = "how far a long run is, on standard error"},

	{"recall.count", COUNT(1, 10000), .fallback = "10", .project = true, .help = "hits at most"},
	{"recall.min_confidence", UNIT, .fallback = "0.2", .project = true, .help = "hits below are left out"},

	{"embed.command", TEXT, .variable = "ENGRAM_EMBED_COMMAND",
	 .help = "filter that answers each text with a vector"},
	{"embed.name", TEXT, .variable = "ENGRAM_EMBED_NAME",
	 .help = "name, or name/version, that its vectors are kept under"},
	{"embed.timeout", DURATION(1, HOUR), .variable = "ENGRAM_EMBED_TIMEOUT", .fallback = "60",
	 .help = "how long it may say nothing"},

	{"sync.rsh", TEXT, .variable = "ENGRAM_RSH", .fallback = "ssh", .help = "command that reaches a host"},

	/* What the original reads of its cluster: a file that served there is
	 * taken as it is.  Nothing here asks for these yet. */
	{"cluster.enabled", BOOL, .fallback = "false", .help = "join a cluster", LATER},
	{"cluster.node_id", TEXT, .help = "name of this node", LATER},
	{"cluster.discovery.type", WORD(discoveries), .fallback = "static", .help = "how peers are found", LATER},
	{"cluster.discovery.seed_nodes", LIST, .help = "peers to begin with, host:port", LATER},
	{"cluster.discovery.service", TEXT, .help = "name to look up", LATER},
	{"cluster.discovery.port", COUNT(1, 65535), .help = "port of the peers", LATER},
	{"cluster.discovery.refresh_interval", DURATION(1, DAY), .help = "between two look-ups", LATER},
	{"cluster.discovery.addr", TEXT, .help = "address of the registry", LATER},
	{"cluster.discovery.service_name", TEXT, .help = "name in the registry", LATER},
	{"cluster.discovery.tag", TEXT, .help = "tag in the registry", LATER},
	{"cluster.swim.ping_interval", DURATION(1, HOUR), .help = "between two probes", LATER},
	{"cluster.swim.ack_timeout", DURATION(1, HOUR), .help = "for the answer to a probe", LATER},
	{"cluster.swim.suspicion_timeout", DURATION(1, HOUR), .help = "from suspect to dead", LATER},
	{"cluster.swim.indirect_probes", COUNT(0, 100), .help = "peers asked to probe too", LATER},
	{"cluster.swim.gossip_batch", COUNT(1, 1000), .help = "rumours in one message", LATER},
	{"cluster.replication.factor", COUNT(0, 1000), .fallback = "2", .help = "copies beside the first", LATER},
	{"cluster.replication.timeout", DURATION(1, HOUR), .help = "for acknowledgements", LATER},
	{"cluster.replication.placement", WORD(placements), .help = "where copies go", LATER},
	{"cluster.replication.jump_buckets", COUNT(1, 1 << 20), .help = "buckets of the placement", LATER},
	{"cluster.replication.rack_penalty", UNIT, .help = "for a rack that has a copy", LATER},
	{"cluster.replication.zone_penalty", UNIT, .help = "for a zone that has a copy", LATER},
	{"cluster.replication.lag_threshold", DURATION(1, DAY), .help = "from which a copy is late", LATER},
	{"cluster.replication.catch_up_batch_bytes", COUNT(1, 1 << 30), .help = "in one message", LATER},
	{"cluster.replication.compression", WORD(compressions), .help = "of messages", LATER},
	{"cluster.replication.io_uring_enabled", BOOL, .help = "has no effect", LATER},
	{"cluster.network.swim_bind", TEXT, .help = "address for probes", LATER},
	{"cluster.network.api_bind", TEXT, .help = "address for requests", LATER},
	{"cluster.network.advertise_addr", TEXT, .variable = "ENGRAM_CLUSTER_ADVERTISE_ADDR",
	 .help = "address that peers are told", LATER},
	{"cluster.network.max_message_size", COUNT(1, 1 << 30), .help = "bytes", LATER},
	{"cluster.network.connection_pool_size", COUNT(1, 1000), .help = "connections to a peer", LATER},
	{"cluster.partition.majority_threshold", UNIT, .help = "share of peers in reach", LATER},
	{"cluster.partition.detection_window", DURATION(1, HOUR), .help = "until a partition is one", LATER},
	{"cluster.partition.check_interval", DURATION(1, HOUR), .help = "between two looks", LATER},
	{"router.connection_pool_size", COUNT(1, 1000), .help = "connections to a peer", LATER},
	{"router.request_timeout_ms", COUNT(1, 3600000), .help = "for an answer", LATER},
	{"router.max_retries", COUNT(0, 100), .help = "of a request", LATER},
	{"router.retry_base_delay_ms", COUNT(0, 3600000), .help = "before the first", LATER},
	{"router.retry_max_delay_ms", COUNT(0, 3600000), .help = "before a later one", LATER},
	{"router.circuit_breaker_failure_threshold", COUNT(1, 1000), .help = "failures in a row", LATER},
	{"router.circuit_breaker_reset_ms", COUNT(0, 3600000), .help = "until the next try", LATER},
	{"router.replica_fallback_enabled", BOOL, .help = "read from a copy", LATER},
	{"router.replica_fallback_lag_sequences", COUNT(0, 1 << 30), .help = "as late as this", LATER},
	{"router.default_read_strategy", TEXT, .help = "which copy to read", LATER},
};

const size_t eng_schema_count = ENG_COUNT(eng_schema);

size_t eng_schema_find(const char *key)
{
	size_t i = 0;

	while (i < eng_schema_count && strcmp(eng_schema[i].key, key) != 0)
		i++;
	return i;
}

static const char *last_part(const char *key)
{
	const char *dot = strrchr(key, '.');

	return dot ? dot + 1 : key;
}

const char *eng_schema_nearest(const char *key)
{
	const char *keys[ENG_COUNT(eng_schema)], *near;

	for (size_t i = 0; i < eng_schema_count; i++)
		keys[i] = eng_schema[i].key;
	near = eng_nearest(key, keys, eng_schema_count);
	/* The right name in the wrong table. */
	for (size_t i = 0; !near && i < eng_schema_count; i++)
		if (strcmp(last_part(key), last_part(keys[i])) == 0)
			near = keys[i];
	return near;
}

static void add_duration(struct eng_buf *b, uint64_t ms)
{
	if (ms % DAY == 0 && ms > 0)
		eng_buf_printf(b, "%llud", (unsigned long long)(ms / DAY));
	else if (ms % HOUR == 0 && ms > 0)
		eng_buf_printf(b, "%lluh", (unsigned long long)(ms / HOUR));
	else if (ms % SECOND == 0)
		eng_buf_printf(b, "%llu", (unsigned long long)(ms / SECOND));
	else
		eng_buf_printf(b, "%llums", (unsigned long long)ms);
}

static void add_range(struct eng_buf *b, const struct eng_schema *row)
{
	switch (row->kind) {
	case ENG_SETTING_TEXT:
		eng_buf_str(b, "text");
		break;
	case ENG_SETTING_LIST:
		eng_buf_str(b, "an array of texts");
		break;
	case ENG_SETTING_WORD:
		for (size_t i = 0; row->words[i]; i++)
			eng_buf_printf(b, "%s%s", i == 0 ? "" : row->words[i + 1] ? ", " : " or ", row->words[i]);
		break;
	case ENG_SETTING_BOOL:
		eng_buf_str(b, "true or false");
		break;
	case ENG_SETTING_COUNT:
		eng_buf_printf(b, "a number %llu..%llu", (unsigned long long)row->min,
		               (unsigned long long)row->max);
		break;
	case ENG_SETTING_UNIT:
		eng_buf_str(b, "a number 0..1");
		break;
	case ENG_SETTING_DURATION:
		eng_buf_str(b, "seconds, or 500ms, 10m, 2h; ");
		add_duration(b, row->min);
		eng_buf_str(b, "..");
		add_duration(b, row->max);
		break;
	}
}

void eng_schema_range(char out[ENG_RANGE_TEXT], const struct eng_schema *row)
{
	struct eng_buf b = ENG_BUF_INIT;

	add_range(&b, row);
	snprintf(out, ENG_RANGE_TEXT, "%.*s", (int)b.n, b.p ? (char *)b.p : "");
	eng_buf_free(&b);
}

static int wanted(const struct eng_schema *row, const char *found, struct engram_error *err)
{
	char range[ENG_RANGE_TEXT];
	const char *near = NULL;
	size_t n = 0;
	int r;

	eng_schema_range(range, row);
	r = eng_err(err, ENGRAM_EUSAGE, "wanted %s, found \"%s\"", range, found);
	while (row->words && row->words[n])
		n++;
	if (n > 0)
		near = eng_nearest(found, row->words, n);
	if (near)
		eng_err_hint(err, "did you mean %s?", near);
	return r;
}

static bool read_word(uint64_t *number, const char *const *words, const char *text)
{
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0) {
			*number = i;
			return true;
		}
	return false;
}

int eng_schema_check(uint64_t *number, const struct eng_schema *row, const char *text, struct engram_error *err)
{
	static const char *const bools[] = {"false", "true", NULL};
	size_t n = strlen(text);
	uint64_t v = 0;
	uint32_t unit;
	bool ok = false;

	switch (row->kind) {
	case ENG_SETTING_TEXT:
		ok = n <= ENGRAM_FIELD_MAX;
		break;
	case ENG_SETTING_LIST:
		break; /* no variable has one */
	case ENG_SETTING_WORD:
		ok = read_word(&v, row->words, text);
		break;
	case ENG_SETTING_BOOL:
		ok = read_word(&v, bools, text);
		break;
	case ENG_SETTING_COUNT:
		ok = eng_parse_u64(&v, text, n) && v >= row->min && v <= row->max;
		break;
	case ENG_SETTING_UNIT:
		ok = eng_parse_unit4(&unit, text, n);
		v = ok ? unit : 0;
		break;
	case ENG_SETTING_DURATION:
		ok = eng_parse_duration_ms(&v, text, n) && v >= row->min && v <= row->max;
		break;
	}
	if (!ok)
		return wanted(row, n <= 64 ? text : "a long text", err);
	*number = v;
	return 0;
}

/* Which types of a file each kind takes: bit per enum eng_toml_kind. */
static unsigned kinds_taken(enum eng_setting_kind kind)
{
	switch (kind) {
	case ENG_SETTING_TEXT:
	case ENG_SETTING_WORD:
		return 1u << ENG_TOML_STRING;
	case ENG_SETTING_LIST:
		return 1u << ENG_TOML_ARRAY;
	case ENG_SETTING_BOOL:
		return 1u << ENG_TOML_BOOL;
	case ENG_SETTING_COUNT:
		return 1u << ENG_TOML_INTEGER;
	case ENG_SETTING_UNIT:
		return 1u << ENG_TOML_INTEGER | 1u << ENG_TOML_FLOAT;
	case ENG_SETTING_DURATION:
		return 1u << ENG_TOML_INTEGER | 1u << ENG_TOML_FLOAT | 1u << ENG_TOML_STRING;
	}
	return 0;
}

int eng_schema_check_toml(uint64_t *number, const struct eng_schema *row, const struct eng_toml_value *v,
                          struct engram_error *err)
{
	static const char *const names[] = {"text", "a whole number", "a number with a point", "true or false",
	                                    "an array"};
	char range[ENG_RANGE_TEXT];

	if (!(kinds_taken(row->kind) >> v->kind & 1)) {
		eng_schema_range(range, row);
		return eng_err(err, ENGRAM_EUSAGE, "wanted %s, found %s", range, names[v->kind]);
	}
	for (size_t i = 0; i < v->nitems; i++)
		if (v->items[i].kind != ENG_TOML_STRING)
			return eng_err(err, ENGRAM_EUSAGE, "item %zu: wanted text, found %s", i + 1,
			               names[v->items[i].kind]);
	if (v->kind != ENG_TOML_ARRAY)
		return eng_schema_check(number, row, v->text, err);
	*number = v->nitems;
	return 0;
}
