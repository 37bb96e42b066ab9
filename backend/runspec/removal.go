package runspec

import (
	"strings"

	"davit/backend/api"
)

// Unpublish reads which published ports are meant: PORT[/PROTOCOL] of the
// container, a range of them, or as -p has them. The zero value of a field fits all.
func Unpublish(value string) ([]api.Port, error) {
	number, protocol, _ := strings.Cut(value, "/")
	if first, n, err := portNumbers(number); err == nil {
		var ports []api.Port
		for i := range n {
			ports = append(ports, api.Port{ContainerPort: first + uint16(i), Protocol: strings.ToLower(protocol)})
		}
		return ports, nil
	}
	return Publish(value)
}
