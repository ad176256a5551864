/* out.c - see out.h. */
#include "common/out.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"

/* What a pipe takes at once; more would only grow memory. */
#define OUT_WAITING_MAX 65536
#define OUT_WIDTH_DEFAULT 80
#define OUT_WIDTH_MIN 40

static bool is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v;
}

bool out_wants_color(int fd, enum when color)
{
	const char *term = getenv("TERM");

	if (color != WHEN_AUTO)
		return color == WHEN_ALWAYS;
	if (is_set("NO_COLOR"))
		return false;
	if (is_set("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0") != 0)
		return true;
	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {0};
	uint64_t v;

	if (columns && eng_parse_u64(&v, columns, strlen(columns)) && v >= OUT_WIDTH_MIN && v <= 10000)
		return (unsigned)v;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= OUT_WIDTH_MIN)
		return size.ws_col;
	return OUT_WIDTH_DEFAULT;
}

void out_begin(struct out *o, bool null, bool seq, enum when color)
{
	*o = (struct out){
		.tty = isatty(STDOUT_FILENO) == 1,
		.color = out_wants_color(STDOUT_FILENO, color),
		.end = null ? 0 : '\n',
		.seq = seq,
	};
	if (o->tty)
		o->width = terminal_width();
}

/* Also where the parent ignored SIGPIPE for us. */
void out_die_of_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

bool out_flush(struct out *o)
{
	if (!o->os && o->buf.failed)
		o->os = ENOMEM;
	if (!o->os)
		o->os = write_all(STDOUT_FILENO, o->buf.p, o->buf.n);
	if (o->os == EPIPE)
		out_die_of_pipe();
	eng_buf_reset(&o->buf);
	o->record = 0;
	return o->os == 0;
}

/* RFC 7464.  Who writes a record does not know about it, so it goes in front at
 * the end. */
static void separate(struct out *o)
{
	struct eng_buf *b = &o->buf;

	if (b->n == o->record || !eng_buf_reserve(b, 1))
		return;
	memmove(b->p + o->record + 1, b->p + o->record, b->n - o->record);
	b->p[o->record] = 0x1e;
	b->n++;
}

void out_end(struct out *o)
{
	if (o->seq)
		separate(o);
	eng_buf_byte(&o->buf, (uint8_t)o->end);
	o->record = o->buf.n;
	if (o->buf.n >= OUT_WAITING_MAX)
		out_flush(o);
}

void out_printf(struct out *o, const char *format, ...)
{
	va_list args;
	char text[512];
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n > 0)
		eng_buf_add(&o->buf, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

bool out_close(struct out *o)
{
	out_flush(o);
	eng_buf_free(&o->buf);
	if (close(STDOUT_FILENO) < 0 && !o->os)
		o->os = errno;
	return o->os == 0;
}

void out_style(struct out *o, const char *style)
{
	if (o->color)
		out_printf(o, "\033[%sm", style);
}

void out_stderr(const void *p, size_t n)
{
	write_all(STDERR_FILENO, p, n);
}
