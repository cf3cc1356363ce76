// An "emulator" that has just been built: it becomes the one on PATH.
#include <unistd.h>

int main(int, char** argv) {
  execvp(EMULATOR, argv);
  return 127;
}
