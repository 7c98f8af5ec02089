#pragma once
/* The hop header: each list of ours marks a posting it has handled with one such field, whose value is the list's posting address as
 * list/ stores it. pipeline/ adds it, the loop rule of verdict/ looks for it; several lists may each have added one. */

#define HOP_HEADER "X-Listward-Loop"
