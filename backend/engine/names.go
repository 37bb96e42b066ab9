package engine

import (
	"math/rand/v2"
	"strconv"
)

// The words of made-up names: weather and manners before what floats, flies
// or stands by the water.
var (
	adjectives = [...]string{
		"able", "amber", "ample", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid", "cheery", "clear",
		"clever", "coastal", "cosy", "crisp", "daring", "deft", "eager", "early", "easy", "fair", "fleet", "fond",
		"frank", "gentle", "glad", "golden", "hardy", "hearty", "humble", "jolly", "keen", "kind", "lively", "loyal",
		"lucid", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "placid", "plucky", "proud",
		"quick", "quiet", "ready", "salty", "serene", "silver", "sincere", "steady", "sturdy", "sunny", "swift", "tidal",
		"trusty", "upbeat", "warm", "witty",
	}
	nouns = [...]string{
		"anchor", "barge", "beacon", "berth", "bollard", "bosun", "bow", "brig", "buoy", "cable", "capstan", "catboat",
		"cleat", "clipper", "cog", "compass", "coracle", "cutter", "dhow", "dinghy", "dock", "dory", "ferry", "frigate",
		"galley", "gannet", "gull", "halyard", "harbour", "hatch", "hawser", "helm", "heron", "hull", "jetty", "jib",
		"kayak", "keel", "ketch", "lagoon", "lantern", "lighter", "locker", "lugger", "mast", "mizzen", "mooring", "oar",
		"osprey", "otter", "pier", "pilot", "pinnace", "pontoon", "porpoise", "quay", "raft", "rudder", "schooner", "seal",
		"sextant", "skiff", "sloop", "tern",
	}
)

// makeUpName makes names until one is not taken; after a while with a number,
// so that it ends however many containers there are.
func makeUpName(taken func(string) (bool, error)) (string, error) {
	for try := 0; ; try++ {
		name := adjectives[rand.IntN(len(adjectives))] + "_" + nouns[rand.IntN(len(nouns))]
		if try > 3 {
			name += strconv.Itoa(rand.IntN(10 << min(try, 24)))
		}
		if is, err := taken(name); err != nil || !is {
			return name, err
		}
	}
}
