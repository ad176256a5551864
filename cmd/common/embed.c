/* embed.c - the embedder that the settings name.
 *
 * A command is run as it stands, so it comes from who runs the program and from
 * nobody else: the environment, or the configuration of the system or the user;
 * a file that lies in the directory at hand may not set it (engram-config(5)). */
#include "common/embed.h"

bool embed_open(struct cli *cli, struct engram_embedder **e)
{
	const char *command = cli_setting(cli, "embed.command");
	struct engram_error err = {0};

	*e = NULL;
	if (!command || !*command)
		return true;
	if (engram_embedder_open(e, command, cli_setting(cli, "embed.name"),
	                         (unsigned)engram_config_get(cli->config, "embed.timeout")->number, &err) == 0)
		return true;
	return cli_fail(cli, &err);
}

int embed_one(struct engram_embedder *e, struct engram_str text, const float **vector, size_t *dim,
              struct engram_error *err)
{
	const float *const *vectors;
	int r = engram_embed(e, &vectors, dim, &text, 1, err);

	if (r == 0)
		*vector = vectors[0];
	return r;
}
