package handler

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// The upgrade types of UpdateFeatures (version 1 on).
const (
	featureUpgrade         = 1
	featureSafeDowngrade   = 2
	featureUnsafeDowngrade = 3
)

// updateFeaturesTyped is the first version that says how a level may change, updateFeaturesWhole the first whose answer is one for all.
const (
	updateFeaturesTyped = 1
	updateFeaturesWhole = 2
)

// updateFeatures finalises levels of features, all or none (KIP-584, KIP-778).
func (h *Handler) updateFeatures(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.UpdateFeaturesRequest)
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	resp.Results = []kmsg.UpdateFeaturesResponseResult{}
	if !h.mayCluster(req, auth.OpAlter) {
		resp.ErrorCode, resp.ErrorMessage = refused(kerr.ClusterAuthorizationFailed)
		req.Reply(resp)
		return
	}
	errs := make([]*controller.Error, len(in.FeatureUpdates))
	err := h.change(ctx, in.TimeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		var records []metadata.Record
		for i := range in.FeatureUpdates {
			record, refused := decideFeature(img, in, &in.FeatureUpdates[i])
			if errs[i] = refused; refused == nil && record.Level != img.Feature(record.Name) {
				records = append(records, record)
			}
		}
		if in.ValidateOnly || slices.ContainsFunc(errs, func(e *controller.Error) bool { return e != nil }) {
			return nil, nil
		}
		return records, nil
	})
	resp.ErrorCode, resp.ErrorMessage = h.failure(err)
	h.fillFeatures(in, resp, errs)
	req.Reply(resp)
}

// fillFeatures answers for all together when one was refused, and otherwise, up to version 1, feature by feature.
func (h *Handler) fillFeatures(in *kmsg.UpdateFeaturesRequest, resp *kmsg.UpdateFeaturesResponse, errs []*controller.Error) {
	for _, refused := range errs {
		if refused != nil {
			resp.ErrorCode = refused.Kafka.Code
			resp.ErrorMessage = new("The update failed for all features since the following feature had an error: " + refused.Message)
			return
		}
	}
	if in.Version >= updateFeaturesWhole || resp.ErrorCode != 0 {
		return
	}
	for i := range in.FeatureUpdates {
		out := kmsg.NewUpdateFeaturesResponseResult()
		out.Feature = in.FeatureUpdates[i].Feature
		resp.Results = append(resp.Results, out)
	}
}

// decideFeature checks one update against what is supported and agreed.
func decideFeature(img *metadata.Image, in *kmsg.UpdateFeaturesRequest, u *kmsg.UpdateFeaturesRequestFeatureUpdate) (metadata.FeatureRecord, *controller.Error) {
	refuse := func(code *kerr.Error, format string, args ...any) (metadata.FeatureRecord, *controller.Error) {
		return metadata.FeatureRecord{}, &controller.Error{Kafka: code, Message: fmt.Sprintf(format, args...)}
	}
	all := features()
	at := slices.IndexFunc(all, func(f feature) bool { return f.name == u.Feature })
	if u.Feature == "" {
		return refuse(kerr.InvalidUpdateVersion, "a feature's name can't be empty")
	}
	if at < 0 {
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. The controller does not support the given feature.", u.MaxVersionLevel, u.Feature)
	}
	f, downgrade := all[at], u.AllowDowngrade
	if in.Version >= updateFeaturesTyped {
		if u.UpgradeType < featureUpgrade || u.UpgradeType > featureUnsafeDowngrade {
			return refuse(kerr.InvalidUpdateVersion, "The controller does not support the given upgrade type.")
		}
		downgrade = u.UpgradeType != featureUpgrade
	}
	now := f.level(img)
	switch {
	case u.MaxVersionLevel < 0:
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. A feature version cannot be less than 0.", u.MaxVersionLevel, f.name)
	case u.MaxVersionLevel < f.min || u.MaxVersionLevel > f.max:
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Local controller supports versions %d-%d.", u.MaxVersionLevel, f.name, f.min, f.max)
	case u.MaxVersionLevel < now && !downgrade:
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.", u.MaxVersionLevel, f.name)
	case u.MaxVersionLevel > now && downgrade:
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Can't downgrade to a newer version.", u.MaxVersionLevel, f.name)
	case u.MaxVersionLevel < f.initial:
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. This broker always works at level %d.", u.MaxVersionLevel, f.name, f.initial)
	}
	return metadata.FeatureRecord{Name: f.name, Level: u.MaxVersionLevel}, nil
}
