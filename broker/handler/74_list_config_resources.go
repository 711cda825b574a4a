package handler

import (
	"context"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// resourceBrokerLogger is a type of resources Kafka lists beside those of the metadata: a broker's log levels, of which there are none.
const resourceBrokerLogger metadata.ResourceType = 8

// listableResources are the types a version 1 request may ask for; naming none asks for all.
var listableResources = []metadata.ResourceType{
	metadata.ResourceTopic, metadata.ResourceBroker, resourceBrokerLogger, metadata.ResourceClientMetrics, metadata.ResourceGroup,
}

// listConfigResources lists what has configs (KIP-1142). Version 0 asks for client metrics.
func (h *Handler) listConfigResources(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListConfigResourcesRequest)
	resp := kmsg.NewPtrListConfigResourcesResponse()
	resp.ConfigResources = []kmsg.ListConfigResourcesResponseConfigResource{}
	if !h.mayCluster(req, auth.OpDescribeConfigs) {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		req.Reply(resp)
		return
	}
	kinds := []metadata.ResourceType{metadata.ResourceClientMetrics}
	if in.Version > 0 {
		kinds = nil
		for _, kind := range in.ResourceTypes {
			kinds = append(kinds, metadata.ResourceType(kind))
		}
		if len(kinds) == 0 {
			kinds = listableResources
		}
	}
	slices.Sort(kinds)
	img := h.Quorum.Image()
	for _, kind := range slices.Compact(kinds) {
		if !slices.Contains(listableResources, kind) {
			resp.ErrorCode, resp.ConfigResources = kerr.UnsupportedVersion.Code, []kmsg.ListConfigResourcesResponseConfigResource{}
			break
		}
		for _, name := range h.resourceNames(img, kind) {
			out := kmsg.NewListConfigResourcesResponseConfigResource()
			out.Type, out.Name = int8(kind), name
			resp.ConfigResources = append(resp.ConfigResources, out)
		}
	}
	req.Reply(resp)
}

// resourceNames lists the resources of a type: topics and brokers there are, others that have configs.
func (h *Handler) resourceNames(img *metadata.Image, kind metadata.ResourceType) []string {
	var names []string
	switch kind {
	case metadata.ResourceTopic:
		for _, t := range img.SortedTopics() {
			names = append(names, t.Name)
		}
	case metadata.ResourceBroker, resourceBrokerLogger:
		for _, b := range img.Brokers() {
			names = append(names, strconv.Itoa(int(b.ID)))
		}
	default:
		names = img.ConfiguredResources(kind)
	}
	return names
}
