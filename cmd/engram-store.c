/* engram-store - put memories in, get them out, correct and forget them. */
#include "base/types.h"
#include "store-jobs.h"

#define AT(field) .at = offsetof(struct store, field)
#define WITH(mode) (1u << STORE_##mode)

static const char *const kinds[] = {"episode", "concept", NULL};

static const struct opt options[] = {
	{"key", .once = true, .kind = OPT_TEXT, .arg = "KEY",
	 .help = NULL,
	 AT(key), .modes = WITH(PUT)},
	{"tag", .kind = OPT_LIST, .arg = "TAG", .help = "your name for it, to replace it by; tags", AT(tags),
	 .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT)},
	{"confidence", .once = true, .kind = OPT_UNIT, .arg = "0..1", .help = NULL,
	 AT(confidence), .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT) | WITH(LINK)},
	{"occurred", .once = true, .kind = OPT_TIME, .arg = "TIME",
	 .help = "how sure; when: 2026-11-21, 3d",
	 AT(occurred_us), .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT)},
	{"valid-until", .once = true, .kind = OPT_TIME, .arg = "TIME", .help = "until when it holds",
	 AT(valid_until_us), .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT), .more = true},
	{"source", .once = true, .kind = OPT_TEXT, .arg = "TEXT", .help = NULL, AT(source),
	 .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT), .more = true},
	{"actor", .once = true, .kind = OPT_TEXT, .arg = "NAME",
	 .help = "where from; who says so (ENGRAM_ACTOR)",
	 AT(actor), .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT), .more = true},
	{"meta", .once = true, .kind = OPT_TEXT, .arg = "JSON", .help = "an object of your own", AT(meta),
	 .modes = WITH(PUT) | WITH(REVISE) | WITH(IMPORT), .more = true},
	{"if-new", .once = true, .kind = OPT_UNIT, .arg = "0..1",
	 .help = "only if nothing is as like (0.9)",
	 AT(if_new), .modes = WITH(PUT), .more = true},
	{"get", .kind = OPT_MODE, .help = "print the memories with these ids",
	 AT(mode), .mode = STORE_GET, .operands = "ID"},
	{"revise", .kind = OPT_MODE, .help = "ID [TEXT]: change the text and the fields given", AT(mode),
	 .mode = STORE_REVISE, .operands = "ID"},
	{"untag", .kind = OPT_LIST, .arg = "TAG", .help = NULL,
	 AT(untags), .modes = WITH(REVISE), .more = true},
	{"clear", .kind = OPT_WORDS, .arg = "FIELD", .help = "revise: take away a tag, a field", AT(clear),
	 .words = store_clear_words, .modes = WITH(REVISE), .more = true},
	{"kind", .kind = OPT_WORD, .arg = "KIND", .help = "revise: an episode, or a concept", AT(kind), .words = kinds,
	 .modes = WITH(REVISE), .more = true},
	{"link", .kind = OPT_MODE, .help = "FROM TO...: one memory leads to others", AT(mode),
	 .mode = STORE_LINK, .more = true, .operands = "ID"},
	{"relation", .once = true, .kind = OPT_TEXT, .arg = "WORD", .help = NULL, AT(relation),
	 .modes = WITH(LINK), .more = true},
	{"weight", .once = true, .kind = OPT_UNIT, .arg = "0..1",
	 .help = "link: how; how strongly, 0 takes it back",
	 AT(weight), .modes = WITH(LINK), .more = true},
	{"forget", .kind = OPT_MODE, .help = "hide these memories; asks, or needs --yes", AT(mode),
	 .mode = STORE_FORGET, .operands = "ID"},
	{"now", .kind = OPT_FLAG, .help = "forget: remove the bytes too, at once", AT(now),
	 .modes = WITH(FORGET), .more = true},
	{"import", .kind = OPT_MODE, .arg = "FORMAT",
	 .help = "ndjson|lines|records|tsv|sqlite|vectors of FILEs",
	 AT(mode),
	 .mode = STORE_IMPORT, .words = store_formats, .word_at = offsetof(struct store, format), .operands = "FILE"},
	{"separator", .once = true, .kind = OPT_TEXT, .arg = "LINE", .help = NULL, AT(separator),
	 .modes = WITH(IMPORT), .more = true},
	{"query", .once = true, .kind = OPT_TEXT, .arg = "SQL",
	 .help = "between records (%); what to read from sqlite",
	 AT(query), .modes = WITH(IMPORT), .more = true},
	{"vectors", .once = true, .kind = OPT_TEXT, .arg = "FILE",
	 .help = "import: vectors beside the texts, row for row",
	 AT(vectors), .modes = WITH(IMPORT), .more = true},
	{"embedder", .once = true, .kind = OPT_TEXT, .arg = "NAME/VERSION",
	 .help = "import: what made them", AT(embedder), .modes = WITH(IMPORT), .more = true},
	{"preserve", .kind = OPT_FLAG, .help = NULL,
	 AT(preserve), .modes = WITH(IMPORT), .more = true},
	{"adopt", .kind = OPT_FLAG, .help = "import: keep times; keep ids",
	 AT(adopt), .modes = WITH(IMPORT), .more = true},
	{"text-later", .kind = OPT_FLAG, .help = NULL,
	 AT(text_later), .modes = WITH(IMPORT), .more = true},
	{"index-later", .kind = OPT_FLAG, .help = "import: words; vectors wait for engram-consolidate",
	 AT(index_later), .modes = WITH(IMPORT), .more = true},
	{"strict", .kind = OPT_FLAG, .help = "all or nothing: no bad line is passed over", AT(strict),
	 .modes = WITH(PUT) | WITH(IMPORT), .more = true},
	{"export", .kind = OPT_MODE, .help = "print the whole space as NDJSON", AT(mode),
	 .mode = STORE_EXPORT},
	{"salvage", .kind = OPT_FLAG, .help = "export: of a damaged log, what can be read", AT(salvage),
	 .modes = WITH(EXPORT), .more = true},
	{"conflicts", .kind = OPT_MODE, .help = "what others said of these, or all, memories",
	 AT(mode), .mode = STORE_CONFLICTS, .more = true, .operands = "ID"},
	{"list-spaces", .kind = OPT_MODE, .help = NULL, AT(mode), .mode = STORE_LIST},
	{"create", .kind = OPT_FLAG, .help = "print the spaces; make the space named", AT(create),
	 .modes = WITH(PUT) | WITH(IMPORT)},
	{"drop-space", .kind = OPT_MODE, .help = "NAME...: remove spaces for good; asks", AT(mode),
	 .mode = STORE_DROP, .more = true, .operands = "SPACE"},
	{"new-series", .kind = OPT_FLAG, .help = "begin a new log (after a clock ran ahead)", AT(new_series),
	 .modes = WITH(PUT) | WITH(IMPORT), .more = true},
};

static const struct program program = {
	.name = "engram-store",
	.purpose = "Stores each TEXT, or each line of standard input (-); prints ids once durable.",
	.usages = (const char *const[]){"[OPTION]... TEXT... | -",
	                                "--get|--forget|--revise ID... | --import=FORMAT FILE...", NULL},
	.examples = (const char *const[]){"engram-store \"The mitochondria is the powerhouse of the cell\"",
	                                  "engram-store --space=notes --create --tag=todo - <todo.txt", NULL},
	.exits = "0 stored, 2 usage, 3 partly, 65 bad input, 66 none such, 75 busy",
	.others = "engram-recall, engram-consolidate, engram-shipwal",
};

void store_fields(const struct store *s, struct engram_memory *m)
{
	*m = (struct engram_memory){
		.kind = s->kind == 1 ? ENGRAM_CONCEPT : ENGRAM_EPISODE,
		.key = eng_str(s->key),
		.source = eng_str(s->source),
		.actor = eng_str(s->actor),
		.meta = eng_str(s->meta),
		.tags = s->tags.items,
		.ntags = s->tags.n,
		.confidence = s->confidence,
		.occurred_us = s->occurred_us,
		.valid_until_us = s->valid_until_us,
	};
	m->has = (s->key ? ENGRAM_KEY : 0u) | (s->source ? ENGRAM_SOURCE : 0u) |
	         (s->actor ? ENGRAM_ACTOR : 0u) | (s->meta ? ENGRAM_META : 0u) |
	         (s->tags.n ? ENGRAM_TAGS : 0u) | (s->kind >= 0 ? ENGRAM_KIND : 0u) |
	         (s->confidence != UINT32_MAX ? ENGRAM_CONFIDENCE : 0u) |
	         (s->occurred_us != INT64_MIN ? ENGRAM_OCCURRED : 0u) |
	         (s->valid_until_us != INT64_MIN ? ENGRAM_VALID_UNTIL : 0u);
}

static void run(struct store *s)
{
	static void (*const jobs[])(struct store *) = {
		[STORE_PUT] = store_put,       [STORE_GET] = store_get,       [STORE_FORGET] = store_forget,
		[STORE_REVISE] = store_revise, [STORE_IMPORT] = store_import, [STORE_EXPORT] = store_export,
		[STORE_LIST] = store_list,     [STORE_DROP] = store_drop,
		[STORE_LINK] = store_link,     [STORE_CONFLICTS] = store_conflicts,
	};

	/* A revision changes what was asked for, not who said it first. */
	if (s->mode == STORE_PUT && !s->actor)
		s->actor = cli_setting(&s->cli, "actor");
	jobs[s->mode](s);
}

int main(int argc, char **argv)
{
	struct store s = {.confidence = UINT32_MAX, .weight = UINT32_MAX, .if_new = UINT32_MAX, .kind = -1,
	                  .occurred_us = INT64_MIN, .valid_until_us = INT64_MIN};
	struct opt_table own = {.options = options, .n = ENG_COUNT(options), .target = &s};

	if (cli_begin(&s.cli, &program, &own, argc, argv))
		run(&s);
	return cli_end(&s.cli);
}
