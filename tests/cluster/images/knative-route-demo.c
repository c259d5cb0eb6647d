// Stands for what a user's pipeline builds: says a line and succeeds.
#include <stdio.h>

int main(void) {
    puts("knative-route-demo: all routes answer");
    return 0;
}
