/* test_cmd_opt.c - the option parser over a table of each kind. */
#include "base/types.h"
#include "common/opt.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"

enum { PLAIN, LIST, DROP };

struct settings {
	bool flag;
	const char *text;
	struct opt_list list;
	int64_t time_us;
	uint32_t unit;
	size_t count;
	uint64_t wait_ms;
	int word, mode;
	unsigned words;
};

#define AT(field) .at = offsetof(struct settings, field)
static const char *const words[] = {"red", "green", "blue", NULL};
static const char *const help_words[] = {"options", "config", NULL};

static const struct opt options[] = {
	{"flag", 'f', .kind = OPT_FLAG, .help = "", AT(flag)},
	{"text", 't', .once = true, .kind = OPT_TEXT, .arg = "TEXT", .help = "", AT(text)},
	{"item", .kind = OPT_LIST, .arg = "ITEM", .help = "", AT(list)},
	{"time", .kind = OPT_TIME, .arg = "TIME", .help = "", AT(time_us)},
	{"unit", .kind = OPT_UNIT, .arg = "0..1", .help = "", AT(unit)},
	{"count", 'k', .kind = OPT_COUNT, .arg = "N", .help = "", AT(count), .max = 100},
	{"wait", .kind = OPT_DURATION, .arg = "S", .help = "", AT(wait_ms), .max = 60000},
	{"word", .kind = OPT_WORD, .arg = "WORD", .help = "", AT(word), .words = words},
	{"words", .kind = OPT_WORDS, .arg = "WORD", .help = "", AT(words), .words = words},
	{"list", .kind = OPT_MODE, .help = "", AT(mode), .mode = LIST},
	{"drop", .kind = OPT_MODE, .help = "", AT(mode), .mode = DROP},
	{"gently", .kind = OPT_FLAG, .help = "", AT(flag), .modes = 1u << DROP},
	{"help", 'h', .kind = OPT_HELP, .help = "", .words = help_words},
	{"version", 'V', .kind = OPT_VERSION, .help = ""},
};

static struct settings s;
static struct engram_error err;
static char *argv_[40];
static int operands, argc_;

static enum opt_result parse(const char *line)
{
	static char words_[400];
	struct opt_table t = {.options = options, .n = ENG_COUNT(options), .target = &s};

	opt_table_free(&t);
	s = (struct settings){0};
	err = (struct engram_error){0};
	strcpy(words_, line);
	argc_ = 0;
	argv_[argc_++] = (char *)"program";
	for (char *w = strtok(words_, " "); w; w = strtok(NULL, " "))
		argv_[argc_++] = w;
	argv_[argc_] = NULL;
	return opt_parse(&operands, &t, 1, argc_, argv_, 1000000000000, &err);
}

static void refused(const char *line, const char *message)
{
	tap_int(parse(line), OPT_BAD, "refused: %s", line);
	tap_str(err.message, message, "message of: %s", line);
	tap_int(err.code, ENGRAM_EUSAGE, "code of: %s", line);
}

static void values(void)
{
	tap_int(parse("one -f --text=x --item a --item=b --item=c two --time=@5 --unit=0.25 -k7 --wait=2 "
	              "--word=blue --words=red --words=green --list -- -f"),
	        OPT_OK, "every kind");
	tap_ok(s.flag && strcmp(s.text, "x") == 0, "flag and text");
	tap_ok(s.list.n == 3 && eng_str_eq(s.list.items[2], eng_str("c")), "three items");
	tap_int(s.time_us, 5000000, "time");
	tap_int(s.unit, 2500, "unit");
	tap_int(s.count, 7, "count");
	tap_int(s.wait_ms, 2000, "duration");
	tap_int(s.word, 2, "word");
	tap_int(s.words, 3, "words");
	tap_int(s.mode, LIST, "mode");
	tap_int(argc_ - operands, 3, "operands from between the options");
	tap_str(argv_[argc_ - 1], "-f", "behind -- an option is none");
	tap_int(parse("--time=3s"), OPT_OK, "an age");
	tap_int(s.time_us, 1000000000000 - 3000000, "counts from now");
	tap_int(parse("-ftx -- -"), OPT_OK, "letters together");
	tap_str(s.text, "x", "the last takes the value");
}

static void mistakes(void)
{
	refused("--flga", "unknown option --flga");
	refused("-x", "unknown option -x");
	refused("-fx", "unknown option -x");
	refused("--flag=1", "--flag: takes no value");
	refused("--text", "--text: needs a value: TEXT");
	refused("-t", "--text: needs a value: TEXT");
	refused("--text=a --text=b", "--text: given twice");
	refused("-k 0", "--count: wanted a number 1..100, found \"0\"");
	refused("-k 101", "--count: wanted a number 1..100, found \"101\"");
	refused("--unit=2", "--unit: wanted a number 0..1, found \"2\"");
	refused("--wait=61", "--wait: wanted seconds (or 10m, 2h) up to a day, found \"61\"");
	refused("--word=gren", "--word: wanted red, green or blue, found \"gren\"");
	tap_str(err.hint, "did you mean green?", "with a hint");
	refused("--list --drop", "--drop: only one of such options at a time");
	refused("--gently", "--gently: goes with --drop only");
	refused("--list --gently", "--gently: does not go with --list");
	tap_int(parse("--drop --gently"), OPT_OK, "an option in its mode");
}

static void shows(void)
{
	tap_int(parse("--bogus --help"), OPT_SHOW_HELP, "help behind a mistake");
	tap_int(parse("-k x -V"), OPT_SHOW_VERSION, "version behind a mistake");
	tap_int(parse("--help=options"), OPT_SHOW_OPTIONS, "the table");
	tap_int(parse("-- --help"), OPT_OK, "an operand is no option");
}

static int parse_items(void *data)
{
	int r = parse("--item a --item b --item c --word=wrong") == OPT_BAD ? err.code : 0;
	struct opt_table t = {.options = options, .n = ENG_COUNT(options), .target = &s};

	opt_table_free(&t);
	return r == ENGRAM_EUSAGE ? 0 : r;
}

int main(void)
{
	values();
	mistakes();
	shows();
	parse("");
	failalloc_each(parse_items, NULL, "items and a wrong word");
	return tap_done();
}
