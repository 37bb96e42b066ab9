package doctor

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
	"davit/backend/routes"
	"davit/backend/store"
	"davit/netstack/netd"
)

// network is one of the person's, with its ranges.
type network struct {
	name    string
	subnets []string
	problem string // with this computer's routes; "": none
}

// networksOf reads them. The default one has ranges while it runs.
func networksOf(dirs store.Dirs) ([]network, error) {
	all, err := store.ListNetworks(dirs)
	if all == nil && err != nil {
		return nil, err
	}
	var found []network
	for _, n := range all {
		found = append(found, network{name: n.Name, subnets: []string{n.Subnet, n.Subnet6}})
	}
	if s, err := netd.ReadSubnets(dirs.NetdSocket(api.NetworkDefault)); err == nil {
		found = append(found, network{name: api.NetworkDefault, subnets: []string{s.Subnet, s.Subnet6}})
	}
	for i, n := range found {
		found[i].problem = routes.Collision(n.subnets...)
	}
	return found, nil
}

// subnets looks whether this computer's routes lead to networks' addresses
// elsewhere, as they may when a VPN has come.
func subnets(_ context.Context, h *host) finding {
	all, err := h.networks()
	if err != nil {
		return unknown("The networks cannot be read: "+sentence(err), "Whether their addresses are their own is not known.")
	}
	for _, n := range all {
		if n.problem == "" {
			continue
		}
		f := warning(fmt.Sprintf("Network %s: %s", n.name, n.problem), "Its containers do not reach what you reach at those addresses; all else works.")
		if n.name == api.NetworkDefault {
			return f.mend("davit stop $(davit ps -q --filter network="+n.name+")",
				"Ends the network with its last container. It takes free addresses when a container is started again.")
		}
		return f.mend(strings.ReplaceAll("davit network create NAME-2\ndavit network connect NAME-2 CONTAINER\ndavit network disconnect NAME CONTAINER\ndavit network rm NAME", "NAME", n.name),
			"Makes a network with free addresses, and moves a container to it while it runs.")
	}
	return ok(fmt.Sprintf("%d are made; no route of this computer leads to their addresses.", len(all)), "Containers reach what you reach.")
}
