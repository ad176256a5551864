/* settings.h - config.toml and the environment behind the options. */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include "common/cli.h"

/* Reads the settings, and gives each option that was not given, and names one,
 * its value.  False: reported. */
bool settings_apply(struct cli *cli);

/* --help=config: each with its value and where it is from. */
void settings_show(struct cli *cli);

/* With -v: variables that nobody reads, settings that do nothing yet. */
void settings_warn(struct cli *cli);

#endif
