#include "envelope/address.h"
#include "envelope/domain.h"

static const struct {
  const char *name;
  const char *input;
  size_t n;     /* octets of the input; 0: up to its NUL */
  bool ascii;   /* parsed without SMTPUTF8 */
  enum res want;
  const char *local, *domain;
  const char *text; /* NULL: the input */
  const char *key;
} parse_rows[] = {
  { .name = "plain", .input = "ann@example.com", .local = "ann", .domain = "example.com", .key = "ann@example.com" },
  { .name = "case is kept, not in the key", .input = "Ann@Example.COM", .local = "Ann", .domain = "Example.COM", .key = "ann@example.com" },
  { .name = "all atom specials", .input = "!#$%&'*+-/=?^_`{|}~@x", .local = "!#$%&'*+-/=?^_`{|}~", .domain = "x",
    .key = "!#$%&'*+-/=?^_`{|}~@x" },
  { .name = "dots between atoms", .input = "a.b.c@x.y", .local = "a.b.c", .domain = "x.y", .key = "a.b.c@x.y" },
  { .name = "two dots", .input = "a..b@x", .local = "a..b", .domain = "x", .text = "\"a..b\"@x", .key = "\"a..b\"@x" },
  { .name = "two dots quoted", .input = "\"a..b\"@x", .local = "a..b", .domain = "x", .key = "\"a..b\"@x" },
  { .name = "dot at the end", .input = "a.@x", .local = "a.", .domain = "x", .text = "\"a.\"@x", .key = "\"a.\"@x" },
  { .name = "dot at the start", .input = ".a@x", .local = ".a", .domain = "x", .text = "\".a\"@x", .key = "\".a\"@x" },
  { .name = "needless quotes go", .input = "\"Ann\"@x", .local = "Ann", .domain = "x", .text = "Ann@x", .key = "ann@x" },
  { .name = "needless quoted pairs go", .input = "\"\\A\\n\\n\"@X", .local = "Ann", .domain = "X", .text = "Ann@X", .key = "ann@x" },
  { .name = "needed quotes stay", .input = "\"Ann Bee\"@x", .local = "Ann Bee", .domain = "x", .key = "\"ann bee\"@x" },
  { .name = "quoted quote and backslash", .input = "\"a\\\"b\\\\c\"@x", .local = "a\"b\\c", .domain = "x", .key = "\"a\\\"b\\\\c\"@x" },
  { .name = "quoted at", .input = "\"a@b\"@x", .local = "a@b", .domain = "x", .key = "\"a@b\"@x" },
  { .name = "quoted blank alone", .input = "\" \"@x", .local = " ", .domain = "x", .key = "\" \"@x" },
  { .name = "quoted dot alone", .input = "\".\"@x", .local = ".", .domain = "x", .key = "\".\"@x" },
  { .name = "one label", .input = "root@localhost", .local = "root", .domain = "localhost", .key = "root@localhost" },
  { .name = "digits alone as domain", .input = "a@1.2", .local = "a", .domain = "1.2", .key = "a@1.2" },
  { .name = "underscore in the domain", .input = "a@my_host.X", .local = "a", .domain = "my_host.X", .key = "a@my_host.x" },
  { .name = "hyphens at a label's ends", .input = "a@-b-.x", .local = "a", .domain = "-b-.x", .key = "a@-b-.x" },
  { .name = "IPv4 literal", .input = "a@[192.0.2.1]", .local = "a", .domain = "[192.0.2.1]", .key = "a@[192.0.2.1]" },
  { .name = "IPv6 literal", .input = "a@[ipv6:2001:DB8:0::1]", .local = "a", .domain = "[ipv6:2001:DB8:0::1]",
    .key = "a@[IPv6:2001:db8::1]" },
  { .name = "U-labels", .input = "ann@B\xc3\x9c" "CHER.example", .local = "ann", .domain = "B\xc3\x9c" "CHER.example",
    .key = "ann@xn--bcher-kva.example" },
  { .name = "A-labels", .input = "ann@XN--Bcher-KVA.example", .local = "ann", .domain = "XN--Bcher-KVA.example",
    .key = "ann@xn--bcher-kva.example" },
  { .name = "decomposed U-label", .input = "ann@bu\xcc\x88" "cher.example", .local = "ann", .domain = "bu\xcc\x88" "cher.example",
    .key = "ann@xn--bcher-kva.example" },
  { .name = "sharp s is its own letter", .input = "a@stra\xc3\x9f" "e.de", .local = "a", .domain = "stra\xc3\x9f" "e.de",
    .key = "a@xn--strae-oqa.de" },
  { .name = "A-label that decodes to nothing", .input = "a@xn--zzzzzzzz99999.x", .local = "a", .domain = "xn--zzzzzzzz99999.x",
    .key = "a@xn--zzzzzzzz99999.x" },
  { .name = "ideographic full stop", .input = "a@b\xe3\x80\x82" "c", .local = "a", .domain = "b\xe3\x80\x82" "c", .key = "a@b.c" },
  { .name = "UTF-8 local part", .input = "J\xc3\xb6rg@x", .local = "J\xc3\xb6rg", .domain = "x", .key = "j\xc3\xb6rg@x" },
  { .name = "decomposed local part", .input = "JO\xcc\x88RG@x", .local = "JO\xcc\x88RG", .domain = "x", .key = "j\xc3\xb6rg@x" },
  { .name = "Greek question mark is a semicolon in NFC", .input = "a\xcd\xbe@x", .local = "a\xcd\xbe", .domain = "x", .key = "\"a;\"@x" },
  { .name = "Kelvin sign is a k", .input = "\xe2\x84\xaa@x", .local = "\xe2\x84\xaa", .domain = "x", .key = "k@x" },
  { .name = "plus and equals", .input = "ant-bounces+u=d.example@x", .local = "ant-bounces+u=d.example", .domain = "x",
    .key = "ant-bounces+u=d.example@x" },

  { .name = "empty", .input = "", .want = RES_BAD },
  { .name = "no at", .input = "ann", .want = RES_BAD },
  { .name = "only at", .input = "@", .want = RES_BAD },
  { .name = "no local part", .input = "@x", .want = RES_BAD },
  { .name = "no domain", .input = "ann@", .want = RES_BAD },
  { .name = "two ats", .input = "a@b@c", .want = RES_BAD },
  { .name = "empty quotes", .input = "\"\"@x", .want = RES_BAD },
  { .name = "open quotes", .input = "\"ann@x", .want = RES_BAD },
  { .name = "quoted pair cut off", .input = "\"ann\\", .want = RES_BAD },
  { .name = "text behind the quotes", .input = "\"a\"b@x", .want = RES_BAD },
  { .name = "quotes inside", .input = "a\"b\"@x", .want = RES_BAD },
  { .name = "dots alone", .input = "..@x", .want = RES_BAD },
  { .name = "blank outside quotes", .input = "a b@x", .want = RES_BAD },
  { .name = "blank in front", .input = " a@x", .want = RES_BAD },
  { .name = "blank behind", .input = "a@x ", .want = RES_BAD },
  { .name = "no-break space", .input = "a\xc2\xa0" "b@x", .want = RES_BAD },
  { .name = "tab in quotes", .input = "\"a\tb\"@x", .want = RES_BAD },
  { .name = "CR LF in quotes", .input = "\"a\r\nb\"@x", .want = RES_BAD },
  { .name = "NUL", .input = "a\0b@x", .n = 5, .want = RES_BAD },
  { .name = "NUL in the domain", .input = "a@x\0y", .n = 5, .want = RES_BAD },
  { .name = "NUL in the literal", .input = "a@[192.0.2.1\0]", .n = 14, .want = RES_BAD },
  { .name = "DEL", .input = "a\x7f@x", .want = RES_BAD },
  { .name = "C1 control", .input = "a\xc2\x85@x", .want = RES_BAD },
  { .name = "right-to-left override", .input = "a\xe2\x80\xae" "b@x", .want = RES_BAD },
  { .name = "isolate", .input = "a\xe2\x81\xa6" "b@x", .want = RES_BAD },
  { .name = "not UTF-8", .input = "J\xf6rg@x", .want = RES_BAD },
  { .name = "surrogate", .input = "\xed\xa0\x80@x", .want = RES_BAD },
  { .name = "brackets", .input = "<a@x>", .want = RES_BAD },
  { .name = "comment", .input = "a(b)@x", .want = RES_BAD },
  { .name = "comma", .input = "a,b@x", .want = RES_BAD },
  { .name = "empty label", .input = "a@x..y", .want = RES_BAD },
  { .name = "dot behind the domain", .input = "a@x.", .want = RES_BAD },
  { .name = "dot before the domain", .input = "a@.x", .want = RES_BAD },
  { .name = "slash in the domain", .input = "a@x/y", .want = RES_BAD },
  { .name = "character that becomes a/c", .input = "a@\xe2\x84\x80.x", .want = RES_BAD },
  { .name = "blank in the domain", .input = "a@x y", .want = RES_BAD },
  { .name = "literal of no address", .input = "a@[1.2.3]", .want = RES_BAD },
  { .name = "literal with a number too high", .input = "a@[1.2.3.256]", .want = RES_BAD },
  { .name = "literal not closed", .input = "a@[1.2.3.4", .want = RES_BAD },
  { .name = "literal empty", .input = "a@[]", .want = RES_BAD },
  { .name = "literal and text", .input = "a@[1.2.3.4].x", .want = RES_BAD },
  { .name = "IPv6 without its tag", .input = "a@[2001:db8::1]", .want = RES_BAD },
  { .name = "local part of UTF-8 outside SMTPUTF8", .input = "J\xc3\xb6rg@x", .ascii = true, .want = RES_BAD },
  { .name = "domain of UTF-8 outside SMTPUTF8", .input = "a@b\xc3\xbc" "cher.de", .ascii = true, .want = RES_BAD },
  { .name = "ASCII outside SMTPUTF8", .input = "a@x", .ascii = true, .local = "a", .domain = "x", .key = "a@x" },
};

static void
test_parse(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(parse_rows); i++) {
    struct slice input = { parse_rows[i].input, parse_rows[i].n ? parse_rows[i].n : strlen(parse_rows[i].input) };
    g_test_message("row: %s", parse_rows[i].name);
    OWN(address) address = NULL;
    g_autoptr(GError) error = NULL;
    enum res got = address_parse(input, !parse_rows[i].ascii, &address, &error);
    if (got != parse_rows[i].want)
      g_error("%s: result %d", parse_rows[i].name, (int)got);
    if (got != RES_OK) {
      g_assert_nonnull(error);
      g_assert_null(address);
      continue;
    }
    g_autofree char *text = address_text(address);
    g_autofree char *key = address_key(address);
    g_autofree char *again = address_key_of(slice_of(key));
    g_assert_cmpstr(address->local, ==, parse_rows[i].local);
    g_assert_cmpstr(address->domain, ==, parse_rows[i].domain);
    g_assert_cmpstr(text, ==, parse_rows[i].text ? parse_rows[i].text : parse_rows[i].input);
    g_assert_cmpstr(key, ==, parse_rows[i].key);
    g_assert_cmpstr(again, ==, key);
    g_assert_cmpint(address->utf8, ==, !g_str_is_ascii(parse_rows[i].input));
  }
}

/* `n` letters, '@', and a domain of `m` octets in labels of 63 at most. */
static char *
long_address(size_t n, size_t m)
{
  GString *text = g_string_new(NULL);
  for (size_t i = 0; i < n; i++)
    g_string_append_c(text, 'a');
  g_string_append_c(text, '@');
  for (size_t i = 1; i <= m; i++)
    g_string_append_c(text, i % 64 ? 'b' : '.');
  return g_string_free(text, FALSE);
}

static void
test_limits(void)
{
  static const struct {
    const char *name;
    size_t local, domain;
    bool want;
  } rows[] = {
    { .name = "64 and 189", .local = 64, .domain = 189, .want = true },
    { .name = "one octet too many", .local = 65, .domain = 189, .want = false },
    { .name = "a long local part", .local = 252, .domain = 1, .want = true },
    { .name = "a local part too long", .local = 253, .domain = 1, .want = false },
    { .name = "the longest domain", .local = 1, .domain = 252, .want = true },
    { .name = "a domain too long", .local = 1, .domain = 253, .want = false },
    { .name = "far too long", .local = 100000, .domain = 100000, .want = false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_autofree char *text = long_address(rows[i].local, rows[i].domain);
    g_autofree char *key = address_key_of(slice_of(text));
    g_assert_cmpint(key != NULL, ==, rows[i].want);
  }

  g_autofree char *label63 = g_strnfill(63, 'x');
  g_autofree char *good = address_domain_key(slice_of(label63));
  g_assert_cmpstr(good, ==, label63);
  g_autofree char *label64 = g_strnfill(64, 'x');
  g_assert_null(address_domain_key(slice_of(label64)));
}

static void
test_ascii(void)
{
  static const struct {
    const char *name, *text, *want;
  } rows[] = {
    { .name = "ASCII already", .text = "Ant@Example.NET", .want = NULL },
    { .name = "domain of U-labels", .text = "Olivia@bücher.example", .want = "Olivia@xn--bcher-kva.example" },
    { .name = "quoted local part", .text = "\"a @b\"@bücher.example", .want = "\"a @b\"@xn--bcher-kva.example" },
    { .name = "UTF-8 local part", .text = "grüße@example.net", .want = NULL },
    { .name = "UTF-8 on both sides", .text = "grüße@bücher.example", .want = NULL },
    { .name = "no address", .text = "bücher.example", .want = NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_autofree char *got = address_ascii(slice_of(rows[i].text));
    g_assert_cmpstr(got, ==, rows[i].want);
  }
}

static void
test_error_reply(void)
{
  OWN(address) address = NULL;
  g_autoptr(GError) eight = NULL, bad = NULL;
  g_assert_cmpint(address_parse(SLICE("J\xc3\xb6rg@x"), false, &address, &eight), ==, RES_BAD);
  g_assert_cmpint(error_reply(eight, REPLY_TROUBLE), ==, REPLY_NEEDS_SMTPUTF8);
  g_assert_cmpint(address_parse(SLICE("a b@x"), false, &address, &bad), ==, RES_BAD);
  g_assert_cmpint(error_reply(bad, REPLY_TROUBLE), ==, REPLY_BAD_ADDRESS);
}

static void
test_domain_key(void)
{
  static const struct {
    const char *name, *input, *want;
  } rows[] = {
    { .name = "case", .input = "EXAMPLE.Com", .want = "example.com" },
    { .name = "one label", .input = "localhost", .want = "localhost" },
    { .name = "underscore", .input = "_dmarc.Example.com", .want = "_dmarc.example.com" },
    { .name = "U-label", .input = "B\xc3\x9c" "CHER.example", .want = "xn--bcher-kva.example" },
    { .name = "empty", .input = "", .want = NULL },
    { .name = "dot", .input = ".", .want = NULL },
    { .name = "literal", .input = "[192.0.2.1]", .want = NULL },
    { .name = "blank", .input = "a b", .want = NULL },
    { .name = "at", .input = "a@b", .want = NULL },
    { .name = "not UTF-8", .input = "b\xfc" "cher", .want = NULL },
    { .name = "right-to-left override", .input = "a\xe2\x80\xae" "b", .want = NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_autofree char *key = address_domain_key(slice_of(rows[i].input));
    g_assert_cmpstr(key, ==, rows[i].want);
  }
}

static void
assert_slice(struct slice got, const char *want)
{
  g_autofree char *text = slice_dup(got);
  g_assert_cmpstr(text, ==, want);
}

static void
test_path(void)
{
  static const struct {
    const char *name, *input;
    enum res want;
    const char *path, *parameters;
  } rows[] = {
    { .name = "path alone", .input = "<a@x>", .path = "a@x", .parameters = "" },
    { .name = "null path", .input = "<>", .path = "", .parameters = "" },
    { .name = "parameters", .input = "<a@x> SIZE=1 BODY=7BIT", .path = "a@x", .parameters = "SIZE=1 BODY=7BIT" },
    { .name = "blanks around", .input = " \t<a@x>  SIZE=1 ", .path = "a@x", .parameters = "SIZE=1" },
    { .name = "null path with a parameter", .input = "<> SIZE=1", .path = "", .parameters = "SIZE=1" },
    { .name = "source route", .input = "<@one,@two:a@x>", .path = "a@x", .parameters = "" },
    { .name = "source route over a literal", .input = "<@[IPv6:::1],@two:a@x>", .path = "a@x", .parameters = "" },
    { .name = "route without a mailbox", .input = "<@one>", .path = "@one", .parameters = "" },
    { .name = "bracket in quotes", .input = "<\"a>b\"@x> K", .path = "\"a>b\"@x", .parameters = "K" },
    { .name = "quote escaped in quotes", .input = "<\"a\\\">b\"@x>", .path = "\"a\\\">b\"@x", .parameters = "" },
    { .name = "brackets in a parameter", .input = "<a@x> K=<y>", .path = "a@x", .parameters = "K=<y>" },
    { .name = "blanks inside stay", .input = "< a@x >", .path = " a@x ", .parameters = "" },
    { .name = "no brackets", .input = "a@x", .want = RES_BAD },
    { .name = "nothing", .input = "", .want = RES_BAD },
    { .name = "blanks", .input = "  ", .want = RES_BAD },
    { .name = "not closed", .input = "<a@x", .want = RES_BAD },
    { .name = "closed in quotes only", .input = "<\"a@x>", .want = RES_BAD },
    { .name = "closed by an escaped bracket only", .input = "<a@x\\>", .want = RES_BAD },
    { .name = "backslash at the end", .input = "<a@x\\", .want = RES_BAD },
    { .name = "no blank before the parameters", .input = "<a@x>SIZE=1", .want = RES_BAD },
    { .name = "brackets twice", .input = "<<a@x>>", .want = RES_BAD },
    { .name = "text in front", .input = "Ann <a@x>", .want = RES_BAD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    struct slice path, parameters;
    g_autoptr(GError) error = NULL;
    enum res got = path_split(slice_of(rows[i].input), &path, &parameters, &error);
    g_assert_cmpint(got, ==, rows[i].want);
    if (got != RES_OK) {
      g_assert_cmpint(error_reply(error, REPLY_TROUBLE), ==, REPLY_SYNTAX);
      continue;
    }
    assert_slice(path, rows[i].path);
    assert_slice(parameters, rows[i].parameters);
  }
}

static void
test_domain_unicode(void)
{
  const struct { const char *name, *input, *want; } rows[] = {
    { .name = "a U-label", .input = "xn--mller-kva.example", .want = "m\xc3\xbcller.example" },
    { .name = "below another", .input = "lists.xn--fsqu00a.xn--0zwm56d", .want = "lists.\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95" },
    { .name = "ASCII", .input = "example.com" },
    { .name = "what decodes to nothing", .input = "xn--a.example" },
    { .name = "what decodes to ASCII", .input = "xn--abc-.example" },
    { .name = "what has another A-label", .input = "xn--Mller-kva.example" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    g_autofree char *got = domain_name_unicode(rows[i].input);
    g_assert_cmpstr(got, ==, rows[i].want);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/address/parse", test_parse);
  g_test_add_func("/address/limits", test_limits);
  g_test_add_func("/address/ascii", test_ascii);
  g_test_add_func("/address/error-reply", test_error_reply);
  g_test_add_func("/address/domain-key", test_domain_key);
  g_test_add_func("/address/domain-unicode", test_domain_unicode);
  g_test_add_func("/address/path", test_path);
  return g_test_run();
}
