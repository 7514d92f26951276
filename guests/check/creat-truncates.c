// creat is open for writing, with everything before gone.
// covers: creat
#include "check.h"

RAW2(creat)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte;
	struct stat st;
	int fd = OK(raw_creat(P("file"), 0604));
	SAY(write(fd, "text", 4));
	SAY(read(fd, &byte, 1));
	fstat(fd, &st);
	printf("mode %o\n", (unsigned)st.st_mode);
	OK(raw_creat(P("file"), 0777));
	fstat(fd, &st);
	printf("mode %o, size %d\n", (unsigned)st.st_mode, (int)st.st_size);
	SAY(raw_creat(P("."), 0644));
	SAY(raw_creat(P("missing/file"), 0644));
	SAY(raw_creat(P(NOWHERE), 0644));
	return 0;
}
