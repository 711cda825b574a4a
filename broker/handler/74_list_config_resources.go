package handler

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// listConfigResources lists what has configs; only topics and brokers do here (KIP-1142).
func (h *Handler) listConfigResources(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListConfigResourcesRequest)
	resp := kmsg.NewPtrListConfigResourcesResponse()
	resp.ConfigResources = []kmsg.ListConfigResourcesResponseConfigResource{}
	add := func(kind metadata.ResourceType, name string) {
		out := kmsg.NewListConfigResourcesResponseConfigResource()
		out.Type, out.Name = int8(kind), name
		resp.ConfigResources = append(resp.ConfigResources, out)
	}
	img := h.Quorum.Image()
	// Version 0 knows only client metrics, of which there are none.
	for _, kind := range in.ResourceTypes {
		switch metadata.ResourceType(kind) {
		case metadata.ResourceTopic:
			for _, t := range img.SortedTopics() {
				add(metadata.ResourceTopic, t.Name)
			}
		case metadata.ResourceBroker:
			for _, b := range img.Brokers() {
				add(metadata.ResourceBroker, strconv.Itoa(int(b.ID)))
			}
		}
	}
	req.Reply(resp)
}
