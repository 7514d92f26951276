// Bytes between the old end and a write beyond it read as zero.
// covers: lseek write read fstat
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char text[70000];
	struct stat st;
	int fd = make_file("file", "front");
	SAY(lseek(fd, 65536, SEEK_SET));
	SAY(fstat(fd, &st));
	printf("size %ld\n", (long)st.st_size);
	SAY(write(fd, "back", 4));
	fstat(fd, &st);
	printf("size %ld\n", (long)st.st_size);
	memset(text, 'x', sizeof text);
	SAY(pread(fd, text, sizeof text, 0));
	int nonzero = 0;
	for (int i = 5; i < 65536; i++)
		nonzero += text[i] != 0;
	printf("%.5s, %d bytes between that are not zero, %.4s\n", text, nonzero, text + 65536);
	return 0;
}
