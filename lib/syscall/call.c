/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/call.h"

#include <string.h>

#include "syscall/lists.h"
#include "syscall/names.h"
#include "syscall/tables.h"

static const enum eo_call_interface_id interfaces[EO_MACHINE_COUNT][EO_ABI_COUNT] = {
	[EO_MACHINE_X86] = { EO_INTERFACE_X86_64, EO_INTERFACE_I386, EO_INTERFACE_X32 },
	[EO_MACHINE_ARM] = { EO_INTERFACE_ARM64, EO_INTERFACE_ARM, EO_INTERFACE_COUNT },
};

static const char *const abi_names[EO_MACHINE_COUNT][EO_ABI_COUNT] = {
	[EO_MACHINE_X86] = { NULL, "i386", "x32" },
	[EO_MACHINE_ARM] = { NULL, "arm", NULL },
};

static const char *const class_names[EO_CLASS_COUNT] = {
	[EO_CLASS_FILE] = "file",	[EO_CLASS_DESC] = "desc",
	[EO_CLASS_NETWORK] = "network", [EO_CLASS_PROCESS] = "process",
	[EO_CLASS_MEMORY] = "memory",	[EO_CLASS_SIGNAL] = "signal",
	[EO_CLASS_IPC] = "ipc",
};

const struct eo_call_interface *eo_call_interface(enum eo_machine machine, unsigned int abi)
{
	if (abi >= EO_ABI_COUNT || interfaces[machine][abi] == EO_INTERFACE_COUNT)
		return NULL;
	return &eo_call_interfaces[interfaces[machine][abi]];
}

const struct eo_call *eo_call_of(enum eo_machine machine, unsigned int abi, uint32_t nr)
{
	const struct eo_call_interface *interface = eo_call_interface(machine, abi);

	if (!interface)
		return NULL;
	if (nr < interface->call_count)
		return interface->calls[nr] == EO_NO_CALL ? NULL : &eo_calls[interface->calls[nr]];
	for (uint32_t i = 0; i < interface->far_count; i++)
		if (interface->far[i].nr == nr)
			return &eo_calls[interface->far[i].call];
	return NULL;
}

const char *eo_syscall_name_on(enum eo_machine machine, unsigned int abi, uint32_t nr)
{
	const struct eo_call *call = eo_call_of(machine, abi, nr);

	return call ? call->name : NULL;
}

const char *eo_syscall_name(unsigned int abi, uint32_t nr)
{
	return eo_syscall_name_on(EO_MACHINE_HERE, abi, nr);
}

const char *eo_syscall_abi_name(enum eo_machine machine, unsigned int abi)
{
	return abi < EO_ABI_COUNT ? abi_names[machine][abi] : NULL;
}

int eo_syscall_abi_find(enum eo_machine machine, const char *name)
{
	if (!name)
		return EO_ABI_NATIVE;
	for (int abi = 0; abi < EO_ABI_COUNT; abi++)
		if (abi_names[machine][abi] && !strcmp(abi_names[machine][abi], name))
			return abi;
	return -1;
}

int eo_syscall_find_on(enum eo_machine machine, unsigned int abi, const char *name)
{
	const struct eo_call_interface *interface = eo_call_interface(machine, abi);
	size_t from = 0, to = interface ? interface->name_count : 0;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		uint32_t nr = interface->by_name[middle];
		int order = strcmp(name, eo_call_of(machine, abi, nr)->name);

		if (!order)
			return (int)nr;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return -1;
}

int eo_syscall_find(const char *name)
{
	return eo_syscall_find_on(EO_MACHINE_HERE, EO_ABI_NATIVE, name);
}

unsigned int eo_syscall_classes(uint32_t nr)
{
	const struct eo_call *call = eo_call_of(EO_MACHINE_HERE, EO_ABI_NATIVE, nr);

	return call ? call->classes : 0;
}

const char *eo_syscall_class_name(unsigned int class)
{
	return class < EO_CLASS_COUNT ? class_names[class] : NULL;
}

const char *eo_errno_name(unsigned int code)
{
	return eo_name_of(&eo_name_lists[EO_MACHINE_HERE][EO_LIST_ERRNO], code);
}

unsigned int eo_errno_find(const char *name)
{
	const struct eo_name_list *list = &eo_name_lists[EO_MACHINE_HERE][EO_LIST_ERRNO];

	if (!strcmp(name, "EWOULDBLOCK"))
		name = "EAGAIN";
	else if (!strcmp(name, "EDEADLOCK"))
		name = "EDEADLK";
	for (uint32_t i = 0; i < list->count; i++)
		if (!strcmp(list->names[i].name, name))
			return (unsigned int)list->names[i].value;
	return 0;
}

const char *eo_signal_name(unsigned int signal)
{
	return eo_name_of(&eo_name_lists[EO_MACHINE_HERE][EO_LIST_SIGNAL], signal);
}
