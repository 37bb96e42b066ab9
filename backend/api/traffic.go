package api

// Traffic is what went through a container's place in a network since it
// joined. In and out are as the container sees it.
type Traffic struct {
	// In and Out are bytes, those of published ports among them.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
	// PacketsIn and PacketsOut passed its interface; one may be a segment of up
	// to 64 KiB. What published ports move by the direct path is in no packet.
	PacketsIn  int64 `json:"packetsIn"`
	PacketsOut int64 `json:"packetsOut"`
	// DroppedIn and DroppedOut are packets that went nowhere.
	DroppedIn  int64 `json:"droppedIn,omitempty"`
	DroppedOut int64 `json:"droppedOut,omitempty"`
	// InRate and OutRate are bytes a second, over the last few seconds.
	InRate  float64 `json:"inRate"`
	OutRate float64 `json:"outRate"`
	// Connections is how many go through the gateway or a published port now.
	Connections int `json:"connections"`
}
