/* Dialogues of socketmap against the stub's lists, cut at every octet. */
#include "base/log.h"
#include "door/questions_check.h"

#define TEMP "56:TEMP the list server cannot answer now, please try again,"
#define PERM_NETSTRING "52:PERM a netstring of at most 4096 octets was expected,"
#define PERM_NAMES "74:PERM the names here are recipient domain transport access listchk listrcpt,"

static const struct question_row rows[] = {
  { .name = "nothing", .input = SLICE(""), .want = "" },
  /* names */
  { .name = "recipient", .input = SLICE("24:recipient list@y.example,"), .want = "17:OK list@y.example," },
  { .name = "unknown recipient", .input = SLICE("24:recipient no-x@y.example,"), .want = "9:NOTFOUND ," },
  { .name = "recipient elsewhere", .input = SLICE("32:recipient list@elsewhere.example,"), .want = "9:NOTFOUND ," },
  { .name = "a recipient that is refused is there", .input = SLICE("28:recipient closed-x@y.example,"), .want = "21:OK closed-x@y.example," },
  { .name = "recipient without a domain", .input = SLICE("14:recipient list,"), .want = "9:NOTFOUND ," },
  { .name = "empty key", .input = SLICE("10:recipient ,"), .want = "9:NOTFOUND ," },
  { .name = "no key", .input = SLICE("9:recipient,"), .want = "9:NOTFOUND ," },
  { .name = "NUL in the key", .input = SLICE("26:recipient list@y.example\0x,"), .want = "9:NOTFOUND ," },
  { .name = "trouble", .input = SLICE("29:recipient trouble-x@y.example,"), .want = TEMP },
  { .name = "domain", .input = SLICE("16:domain y.example,"), .want = "12:OK y.example," },
  { .name = "domain elsewhere", .input = SLICE("24:domain elsewhere.example,"), .want = "9:NOTFOUND ," },
  { .name = "trouble with a domain", .input = SLICE("22:domain trouble.example,"), .want = TEMP },
  { .name = "transport", .input = SLICE("24:transport list@y.example,"), .want = "27:OK lmtp:unix:/run/lmtp.sock," },
  { .name = "transport of an unknown one", .input = SLICE("24:transport no-x@y.example,"), .want = "9:NOTFOUND ," },
  { .name = "transport of elsewhere", .input = SLICE("32:transport list@elsewhere.example,"), .want = "9:NOTFOUND ," },
  { .name = "access", .input = SLICE("21:access list@y.example,"), .want = "8:OK DUNNO," },
  { .name = "access to an unknown one", .input = SLICE("21:access no-x@y.example,"), .want = "38:OK 550 5.1.1 no list here by that name," },
  { .name = "access to a closed one", .input = SLICE("25:access closed-x@y.example,"), .want = "25:OK 550 5.7.1 members only," },
  { .name = "access elsewhere", .input = SLICE("29:access list@elsewhere.example,"), .want = "9:NOTFOUND ," },
  { .name = "access in trouble", .input = SLICE("26:access trouble-x@y.example,"), .want = TEMP },
  { .name = "listrcpt", .input = SLICE("23:listrcpt list@y.example,"), .want = "17:OK list@y.example," },
  { .name = "listrcpt of a user", .input = SLICE("23:listrcpt no-u@y.example,"), .want = "9:NOTFOUND ," },
  { .name = "listchk", .input = SLICE("42:listchk 127.0.0.2,a@x.example,l@y.example,,"), .want = "39:PERM the key is CLIENT,SENDER,RECIPIENT," },
  { .name = "listchk, may post", .input = SLICE("41:listchk 127.0.0.2,a@x.example,l@y.example,"), .want = "14:OK l@y.example," },
  { .name = "listchk, may not post", .input = SLICE("47:listchk 127.0.0.2,refused@x.example,l@y.example,"), .want = "36:OK ERROR 5.7.1: 550 you may not post," },
  { .name = "listchk, closed", .input = SLICE("48:listchk 127.0.0.2,a@x.example,closed-l@y.example,"), .want = "32:OK ERROR 5.7.1: 550 members only," },
  { .name = "listchk, null reverse-path", .input = SLICE("32:listchk 127.0.0.2,<>,l@y.example,"), .want = "14:OK l@y.example," },
  { .name = "listchk, brackets", .input = SLICE("51:listchk 127.0.0.2,<refused@x.example>,<l@y.example>,"), .want = "36:OK ERROR 5.7.1: 550 you may not post," },
  { .name = "listchk, commas in quotes", .input = SLICE("48:listchk 127.0.0.2,\"a,\\\",b\"@x.example,l@y.example,"), .want = "14:OK l@y.example," },
  { .name = "listchk, a quote left open", .input = SLICE("42:listchk 127.0.0.2,\"a@x.example,l@y.example,"), .want = "39:PERM the key is CLIENT,SENDER,RECIPIENT," },
  { .name = "listchk, unknown", .input = SLICE("44:listchk 127.0.0.2,a@x.example,no-l@y.example,"), .want = "9:NOTFOUND ," },
  { .name = "listchk, trouble", .input = SLICE("49:listchk 127.0.0.2,a@x.example,trouble-l@y.example,"), .want = TEMP },
  { .name = "listchk, a field short", .input = SLICE("29:listchk 127.0.0.2,a@x.example,"), .want = "39:PERM the key is CLIENT,SENDER,RECIPIENT," },
  { .name = "a name's beginning", .input = SLICE("23:recipien list@y.example,"), .want = PERM_NAMES },
  { .name = "empty request", .input = SLICE("0:,"), .want = PERM_NAMES },
  /* netstrings */
  { .name = "two in one", .input = SLICE("21:recipient l@y.example,21:recipient l@y.example,"), .want = "14:OK l@y.example,14:OK l@y.example," },
  { .name = "ends inside a request", .input = SLICE("21:recipient l@y.example,21:recipient l@y"), .want = "14:OK l@y.example," },
  { .name = "no number", .input = SLICE("recipient l@y.example\n"), .want = PERM_NETSTRING },
  { .name = "no length", .input = SLICE(":recipient l@y.example,"), .want = PERM_NETSTRING },
  { .name = "leading zero", .input = SLICE("021:recipient l@y.example,"), .want = PERM_NETSTRING },
  { .name = "negative", .input = SLICE("-1:x,"), .want = PERM_NETSTRING },
  { .name = "too long", .input = SLICE("4097:x"), .want = PERM_NETSTRING },
  { .name = "a number without end", .input = SLICE("99999999999999999999999999"), .want = PERM_NETSTRING },
  { .name = "no comma", .input = SLICE("21:recipient l@y.example;20:"), .want = "41:PERM a netstring did not end with a comma," },
  { .name = "the server stops", .input = SLICE("21:recipient l@y.example,"), .want = "", .stopping = true },
};

static void
dialogue(gconstpointer data)
{
  questions_check(&socketmap_service, data);
}

/* A key as long as can be is none of ours, and the next request is read. */
static void
longest(void)
{
  g_autoptr(GString) input = g_string_new("4096:recipient ");
  for (int i = 0; i < 4096 - 10; i++)
    g_string_append_c(input, 'x');
  g_string_append(input, ",21:recipient l@y.example,");
  g_autoptr(GString) output = questions_run(&socketmap_service, (struct slice){ input->str, input->len }, 0, 1000, false, NULL);
  g_assert_cmpstr(output->str, ==, "9:NOTFOUND ,14:OK l@y.example,");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/socketmap/", rows[i].name, NULL);
    g_test_add_data_func(path, &rows[i], dialogue);
  }
  g_test_add_func("/socketmap/longest", longest);
  return g_test_run();
}
