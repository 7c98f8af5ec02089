/* `doctor`: would mail flow? */
#include "base/clock.h"
#include "cli/commands.h"
#include "mta/doctor.h"

static char *smtp, *dns;
static gboolean no_mail, no_dns;
static int wait_seconds = 30;

static const GOptionEntry options[] = {
  { "smtp", 0, 0, G_OPTION_ARG_STRING, &smtp, "the mail server, as the outside reaches it (default: 127.0.0.1:25)", "HOST:PORT" },
  { "no-mail", 0, 0, G_OPTION_ARG_NONE, &no_mail, "send nothing, and ask the mail server nothing", NULL },
  { "wait", 0, 0, G_OPTION_ARG_INT, &wait_seconds, "for the probe message to come back (30)", "SECONDS" },
  { "dns", 0, 0, G_OPTION_ARG_STRING, &dns, "ask that name server, not the system's", "ADDRESS[:PORT]" },
  { "no-dns", 0, 0, G_OPTION_ARG_NONE, &no_dns, "do not look at the domains' records", NULL },
  { NULL },
};

static enum res
ask(void *ctx, const char *request, GPtrArray **lines, GError **error)
{
  return cli_ask(ctx, request, lines, error);
}

static void
print_finding(const struct finding *finding)
{
  cli_print("%-8s %-12s %s\n", doctor_level_name(finding->level), finding->check, finding->what);
  if (*finding->fix)
    cli_print("%21s → %s\n", "", finding->fix);
}

static void
print_findings(const struct cli *cli, const GPtrArray *findings)
{
  json_t *all = json_array();
  for (guint i = 0; i < findings->len; i++) {
    const struct finding *finding = g_ptr_array_index(findings, i);
    if (!cli->json)
      print_finding(finding);
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "level", doctor_level_name(finding->level), "check", finding->check, "what", finding->what, "fix", finding->fix));
  }
  if (cli->json)
    cli_print_json(all);
  else
    json_decref(all);
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  g_autoptr(GError) error = NULL;
  OWN(store) store = NULL;
  OWN(installation) installation = NULL;
  g_autoptr(GError) problem = NULL;
  if (cli_store(cli, &store, &problem) != RES_OK)
    store = NULL;
  /* Without the domains, if they cannot be read: the check of the database says why. */
  if ((store == NULL || installation_read(cli->config, store, &installation, NULL) != RES_OK) && installation_read(cli->config, NULL, &installation, &error) != RES_OK)
    return cli_fail(error);
  struct doctor doctor = {
    .config = cli->config, .installation = installation, .store = store, .store_problem = problem ? problem->message : "", .ask = ask, .ask_ctx = cli, .smtp = smtp, .dns = dns, .no_mail = no_mail, .no_dns = no_dns,
    .wait = CLAMP(wait_seconds, 1, 600) * CLOCK_SECOND,
  };
  bool well = doctor_run(&doctor);
  print_findings(cli, doctor.findings);
  doctor_clear(&doctor);
  return well ? CLI_DONE : CLI_FAILED;
}

const struct cli_command doctor_command = {
  .name = "doctor", .arguments = "", .summary = "would mail flow? what is wrong, and the line to change; exit 1 if something is", .options = options, .lists = true, .max = 0, .run = run,
  .help = "Looks at the installation as the mail server sees it: listeners and sockets, maps, outlets, the records of the domains in the DNS, clock, disk, database and permissions.\n"
          "For each domain it asks the mail server for a list that there is not, which must be refused in the dialogue, and sends one message to an address of its own, which must come in over LMTP.",
};
