// getcwd names the folder that chdir and fchdir went to, through links and dots, and after it was renamed.
// covers: getcwd chdir fchdir
#include "check.h"

RAW2(getcwd)
RAW1(chdir)
RAW1(fchdir)

static char start[500];

static void show(void)
{
	char path[600];
	long length = raw_getcwd(P(path), sizeof path);
	if (length < 0)
		printf("getcwd: %s\n", errno_name(errno));
	else
		printf("in \"%s\", length with its NUL: %s\n", path + strlen(start), length == (long)strlen(path) + 1 ? "yes" : "no");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char small[4];
	getcwd(start, sizeof start);
	mkdir("one", 0755);
	mkdir("one/two", 0755);
	symlink("one/two", "link");
	int fd = open("one", O_RDONLY), file = make_file("file", "");
	SAY(raw_chdir(P("link")));
	show();
	SAY(raw_chdir(P("..")));
	show();
	SAY(raw_chdir(P("./two/.././two//")));
	show();
	SAY(raw_fchdir(fd));
	show();
	SAY(rename("../one", "../moved"));
	show();
	SAY(raw_chdir(P("missing")));
	SAY(raw_chdir(P("../file")));
	SAY(raw_chdir(P("")));
	SAY(raw_fchdir(file));
	SAY(raw_fchdir(99));
	SAY(raw_getcwd(P(small), 4));
	SAY(raw_getcwd(P(small), 0));
	SAY(raw_getcwd(P(NOWHERE), 500));
	raw_chdir(P("/"));
	SAY(raw_getcwd(P(small), 4));
	printf("%s\n", small);
	SAY(raw_chdir(P("..")));
	SAY(raw_getcwd(P(small), 4));
	return 0;
}
