/* What the world finds of the lists' domains in the DNS: where their mail goes (MX), who may send for them (SPF, RFC 7208), what is to become of what only claims to be theirs (DMARC,
 * RFC 7489), and whether the mail server's address has a name (PTR). Where no name server answers there is nothing to say. */
#include "mta/doctor.h"
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

enum found { FOUND, NOT_FOUND, NO_ANSWER };

/* A resolver of our own: that of --dns, or the system's. */
static bool
begin(struct __res_state *state, const char *server)
{
  memset(state, 0, sizeof *state);
  if (res_ninit(state) != 0)
    return false;
  state->retrans = 3;
  state->retry = 2;
  if (server == NULL)
    return true;
  g_auto(GStrv) parts = g_strsplit(server, ":", 2);
  state->nscount = 1;
  state->nsaddr_list[0] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)(parts[1] ? g_ascii_strtoull(parts[1], NULL, 10) : NAMESERVER_PORT)) };
  if (parts[0] && inet_pton(AF_INET, parts[0], &state->nsaddr_list[0].sin_addr) == 1)
    return true;
  res_nclose(state);
  return false;
}

static char *
address_text(int family, const unsigned char *data, size_t n)
{
  char text[INET6_ADDRSTRLEN];
  return n == (family == AF_INET ? NS_INADDRSZ : NS_IN6ADDRSZ) && inet_ntop(family, data, text, sizeof text) ? g_strdup(text) : NULL;
}

static char *
strings_text(const unsigned char *data, size_t n)
{
  GString *text = g_string_new(NULL);
  for (size_t at = 0; at < n && at + 1 + data[at] <= n; at += 1 + (size_t)data[at])
    g_string_append_len(text, (const char *)data + at + 1, data[at]);
  return g_string_free(text, FALSE);
}

/* A record's data as text: of a TXT its strings joined, of an MX and a PTR the name, or an address. NULL: it cannot be read. Owned by the caller. */
static char *
record_text(const ns_msg *message, const ns_rr *record)
{
  const unsigned char *data = ns_rr_rdata(*record);
  ns_type type = ns_rr_type(*record);
  size_t n = ns_rr_rdlen(*record), skip = type == ns_t_mx ? NS_INT16SZ : 0;
  if (type == ns_t_txt)
    return strings_text(data, n);
  if (type == ns_t_a || type == ns_t_aaaa)
    return address_text(type == ns_t_a ? AF_INET : AF_INET6, data, n);
  char name[NS_MAXDNAME];
  if (n < skip || ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), data + skip, name, sizeof name) < 0)
    return NULL;
  return g_strdup(name);
}

/* The data of all records of that type at `name`; added to `texts` (char *). */
static enum found
look_up(struct __res_state *state, const char *name, ns_type type, GPtrArray *texts)
{
  unsigned char answer[NS_MAXMSG];
  ns_msg message;
  int n = res_nquery(state, name, ns_c_in, (int)type, answer, sizeof answer);
  if (n < 0)
    return state->res_h_errno == HOST_NOT_FOUND || state->res_h_errno == NO_DATA ? NOT_FOUND : NO_ANSWER;
  if (ns_initparse(answer, n, &message) != 0)
    return NO_ANSWER;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
    ns_rr record;
    char *text = ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_type(record) == type ? record_text(&message, &record) : NULL;
    if (text)
      g_ptr_array_add(texts, text);
  }
  return texts->len ? FOUND : NOT_FOUND;
}

/* One of the TXT records at `name` that begins so; owned by the caller, or NULL. `found` is FOUND, or why not. */
static char *
look_up_text(struct __res_state *state, const char *name, const char *prefix, enum found *found)
{
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  *found = look_up(state, name, ns_t_txt, texts);
  for (guint i = 0; i < texts->len; i++)
    if (g_ascii_strncasecmp(g_ptr_array_index(texts, i), prefix, strlen(prefix)) == 0)
      return g_strdup(g_ptr_array_index(texts, i));
  *found = *found == FOUND ? NOT_FOUND : *found;
  return NULL;
}

/* Of the host's first IPv4 address. */
static void
check_name(struct doctor *doctor, struct __res_state *state, const char *host)
{
  g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free), names = g_ptr_array_new_with_free_func(g_free);
  if (look_up(state, host, ns_t_a, addresses) != FOUND)
    return;
  const char *address = g_ptr_array_index(addresses, 0);
  g_auto(GStrv) octets = g_strsplit(address, ".", 4);
  g_autofree char *reverse = g_strdup_printf("%s.%s.%s.%s.in-addr.arpa", octets[3], octets[2], octets[1], octets[0]);
  if (look_up(state, reverse, ns_t_ptr, names) == NOT_FOUND)
    doctor_say(doctor, DOCTOR_NOTE, "dns", "ask whoever has the address for a PTR record", "the address %s of %s has no name: many refuse mail from such", address, host);
}

static void
check_mail_hosts(struct doctor *doctor, struct __res_state *state, const char *domain, const GPtrArray *hosts)
{
  g_autofree char *first = g_ascii_strdown(g_ptr_array_index(hosts, 0), -1);
  if (*first == '\0' || strcmp(first, ".") == 0) {
    doctor_say(doctor, DOCTOR_PROBLEM, "dns", "remove the MX record \".\"", "the MX record of %s says that it takes no mail (RFC 7505)", domain);
    return;
  }
  doctor_say(doctor, DOCTOR_OK, "dns", NULL, "mail for %s goes to %s", domain, first);
  check_name(doctor, state, first);
}

/* False: no name server answers. */
static bool
check_mx(struct doctor *doctor, struct __res_state *state, const char *domain)
{
  g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(g_free), addresses = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *fix = g_strdup_printf("%s. IN MX 10 %s.", domain, doctor->installation->hostname);
  enum found found = look_up(state, domain, ns_t_mx, hosts);
  if (found == FOUND)
    check_mail_hosts(doctor, state, domain, hosts);
  else if (found == NOT_FOUND && look_up(state, domain, ns_t_a, addresses) != FOUND && look_up(state, domain, ns_t_aaaa, addresses) != FOUND)
    doctor_say(doctor, DOCTOR_PROBLEM, "dns", fix, "%s has no MX record, and no address: nobody outside can send to it", domain);
  else if (found == NOT_FOUND)
    doctor_say(doctor, DOCTOR_NOTE, "dns", fix, "%s has no MX record: mail goes to its address", domain);
  return found != NO_ANSWER;
}

static void
check_policies(struct doctor *doctor, struct __res_state *state, const char *domain)
{
  enum found found;
  g_autofree char *spf = look_up_text(state, domain, "v=spf1", &found);
  g_autofree char *add_spf = g_strdup_printf("%s. IN TXT \"v=spf1 mx -all\"", domain), *name = g_strdup_printf("_dmarc.%s", domain);
  if (found == NOT_FOUND)
    doctor_say(doctor, DOCTOR_NOTE, "dns", add_spf, "%s has no SPF record: the copies' envelope senders are in it, and some servers refuse them for that", domain);
  else if (spf && strstr(spf, "+all"))
    doctor_say(doctor, DOCTOR_NOTE, "dns", add_spf, "the SPF record of %s lets everybody send for it", domain);
  g_autofree char *dmarc = look_up_text(state, name, "v=DMARC1", &found), *add_dmarc = g_strdup_printf("%s. IN TXT \"v=DMARC1; p=none\"", name);
  if (found == NOT_FOUND)
    doctor_say(doctor, DOCTOR_NOTE, "dns", add_dmarc, "%s has no DMARC record", domain);
  else if (spf && dmarc)
    doctor_say(doctor, DOCTOR_OK, "dns", NULL, "%s has SPF and DMARC records", domain);
}

void
doctor_check_dns(struct doctor *doctor)
{
  struct __res_state state;
  const GPtrArray *domains = doctor->installation->domains;
  if (doctor->no_dns || domains->len == 0)
    return;
  if (!begin(&state, doctor->dns)) {
    doctor_say(doctor, DOCTOR_PROBLEM, "dns", "--dns ADDRESS:PORT, an IPv4 address", "%s is no name server's address", doctor->dns ? doctor->dns : "/etc/resolv.conf");
    return;
  }
  bool answers = true;
  for (guint i = 0; i < domains->len && i < DOCTOR_DOMAINS_MAX && answers; i++) {
    answers = check_mx(doctor, &state, g_ptr_array_index(domains, i));
    if (answers)
      check_policies(doctor, &state, g_ptr_array_index(domains, i));
  }
  if (!answers)
    doctor_say(doctor, DOCTOR_NOTE, "dns", "look at /etc/resolv.conf", "no name server answers: nothing is known of the domains' records");
  res_nclose(&state);
}
