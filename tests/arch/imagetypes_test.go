package arch

import "davit/backend/api"

// imageNouns are those on images and registries.
var imageNouns = []noun{
	{api.RemoveImageOptions{}, ""}, {api.PushSpec{}, ""}, {api.SaveSpec{}, ""}, {api.ImportSpec{}, ""}, {api.CommitSpec{}, ""},
	{api.Change{}, ""}, {api.PruneSpec{}, ""}, {api.PrunedImage{}, ""}, {api.Pruned{}, ""}, {api.TrashedImage{}, ""},
	{api.EmptyTrashSpec{}, ""}, {api.ImageUsage{}, ""}, {api.ContainerUsage{}, ""}, {api.DiskUsage{}, ""}, {api.CheckSpec{}, ""},
	{api.Damage{}, ""}, {api.CheckedImage{}, ""}, {api.OtherImage{}, ""}, {api.OtherStore{}, ""}, {api.ImportFromSpec{}, ""},
	{api.FileQuery{}, ""}, {api.File{}, "ImageFile"}, {api.FileList{}, ""}, {api.FileRef{}, ""}, {api.WastedFile{}, ""},
	{api.Waste{}, ""}, {api.ConfigChange{}, ""}, {api.Comparison{}, ""}, {api.PreviewSpec{}, ""}, {api.TreeNode{}, ""},
	{api.Repository{}, ""}, {api.TagPlatform{}, ""}, {api.ManifestImage{}, ""}, {api.Manifest{}, ""}, {api.PullQuota{}, ""},
	{api.RegistrySpec{}, ""}, {api.RegistrySettings{}, ""},
}
