// Folders are made once and removed when empty.
// covers: mkdir mkdirat rmdir unlinkat
#include "check.h"

RAW2(mkdir)
RAW3(mkdirat)
RAW1(rmdir)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("file", ""));
	symlink("nowhere", "dangling");
	SAY(raw_mkdir(P("folder"), 0755));
	SAY(raw_mkdir(P("folder"), 0755));
	SAY(raw_mkdir(P("folder/"), 0755));
	SAY(raw_mkdir(P("slash/"), 0755));
	SAY(raw_mkdir(P("file"), 0755));
	SAY(raw_mkdir(P("file/below"), 0755));
	SAY(raw_mkdir(P("missing/below"), 0755));
	SAY(raw_mkdir(P("dangling"), 0755));
	SAY(raw_mkdir(P(""), 0755));
	SAY(raw_mkdir(P("/"), 0755));
	SAY(raw_mkdirat(AT_FDCWD, P("folder/inner"), 0700));
	SAY(raw_mkdirat(99, P("inner"), 0700));
	SAY(raw_rmdir(P("folder")));
	SAY(raw_rmdir(P("folder/inner")));
	SAY(raw_rmdir(P("folder/.")));
	SAY(raw_rmdir(P("folder/..")));
	SAY(raw_rmdir(P("file")));
	SAY(raw_rmdir(P("missing")));
	SAY(raw_rmdir(P("/")));
	symlink("folder", "link");
	SAY(raw_rmdir(P("link")));
	SAY(raw_rmdir(P("folder/")));
	SAY(raw_rmdir(P("slash")));
	struct stat st;
	mkdir("parent", 0755);
	mkdir("parent/one", 0755);
	mkdir("parent/two", 0755);
	SAY(stat("parent", &st));
	rmdir("parent/one");
	SAY(access("parent/one", F_OK));
	return 0;
}
