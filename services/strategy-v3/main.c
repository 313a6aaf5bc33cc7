/* strategy-v3: signals in, decisions and orders out (docs/architecture.md, Who trades). */
#include "services/strategy-v3/service.h"

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &sv3_class);
}
