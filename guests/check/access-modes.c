// access answers for the caller's rights: existence, and no execution of a file without any x bit, even for root.
// covers: access faccessat faccessat2
#include "check.h"

RAW2(access)
RAW3(faccessat)
RAW4(faccessat2)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("plain", ""));
	chmod("plain", 0644);
	close(make_file("script", ""));
	chmod("script", 0755);
	mkdir("folder", 0755);
	symlink("nowhere", "dangling");
	int folder = open("folder", O_RDONLY);
	SAY(raw_access(P("plain"), F_OK));
	SAY(raw_access(P("plain"), R_OK | W_OK));
	SAY(raw_access(P("plain"), X_OK));
	SAY(raw_access(P("script"), X_OK));
	SAY(raw_access(P("folder"), R_OK | W_OK | X_OK));
	SAY(raw_access(P("missing"), F_OK));
	SAY(raw_access(P("plain/below"), F_OK));
	SAY(raw_access(P("dangling"), F_OK));
	SAY(raw_access(P("plain"), 8));
	SAY(raw_faccessat(AT_FDCWD, P("plain"), F_OK));
	SAY(raw_faccessat(folder, P("../plain"), R_OK));
	SAY(raw_faccessat(folder, P("plain"), R_OK));
	SAY(raw_faccessat(99, P("plain"), R_OK));
	SAY(raw_faccessat2(AT_FDCWD, P("dangling"), F_OK, AT_SYMLINK_NOFOLLOW));
	SAY(raw_faccessat2(AT_FDCWD, P("script"), X_OK, AT_EACCESS));
	SAY(raw_faccessat2(AT_FDCWD, P("script"), X_OK, 0x8000));
	SAY(raw_faccessat2(folder, P(""), F_OK, AT_EMPTY_PATH));
	return 0;
}
